// Prints what readers that are not the studio's say of files: one line of JSON for each.
// Usage: node read.mjs ROOT.pem FILE …
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Reader } from '@contentauth/c2pa-node';
import init, { WasmReader } from '@contentauth/c2pa-wasm';
import { JPEG, PNG } from '@trustnxt/c2pa-ts/asset';
import { SuperBox } from '@trustnxt/c2pa-ts/jumbf';
import { ManifestStore, ValidationResult } from '@trustnxt/c2pa-ts/manifest';

const NONE = { state: 'none', failures: [] };
const [rootFile, ...files] = process.argv.slice(2);
const require = createRequire(import.meta.url);
await init({ module_or_path: await readFile(require.resolve('@contentauth/c2pa-wasm/c2pa.wasm')) });
const settings = {
  verify: { verify_trust: true, remote_manifest_fetch: false, ocsp_fetch: false },
  trust: { user_anchors: await readFile(rootFile, 'utf8') },
};

const mimeType = (bytes) => `image/${{ 0xff: 'jpeg', 0x89: 'png' }[bytes[0]] ?? 'webp'}`;

function verdict(found) {
  if (!found) return NONE;
  const failures = found.validation_results?.activeManifest?.failure ?? [];
  return { state: found.validation_state, failures: failures.map((each) => each.code) };
}

/** The SDK of the Content Authenticity Initiative for browsers. */
async function web(bytes) {
  try {
    const reader = await WasmReader.fromBytes(mimeType(bytes), bytes, JSON.stringify(settings));
    return verdict(JSON.parse(reader.json()));
  } catch (error) {
    if (String(error).includes('JumbfNotFound')) return NONE;
    throw error;
  }
}

/** Its SDK for servers: older, and compiled for the machine. */
async function server(bytes) {
  const asset = { buffer: Buffer.from(bytes), mimeType: mimeType(bytes) };
  return verdict((await Reader.fromAsset(asset, settings))?.json());
}

/** An implementation of its own, in TypeScript. It knows no WebP and no chain of trust. */
async function typescript(bytes) {
  const Format = [JPEG, PNG].find((each) => each.canRead(bytes));
  if (!Format) return null;
  const asset = new Format(bytes);
  const jumbf = asset.getManifestJUMBF();
  if (!jumbf) return NONE;
  let result;
  try {
    result = await ManifestStore.read(SuperBox.fromBuffer(jumbf)).validate(asset);
  } catch (error) {
    result = ValidationResult.fromError(error);
  }
  const codes = result.statusEntries.filter((each) => !each.success).map((each) => each.code);
  return { state: result.isValid ? 'Valid' : 'Invalid', failures: codes };
}

for (const file of files) {
  const bytes = new Uint8Array(await readFile(file));
  const said = { web: await web(bytes), server: await server(bytes), typescript: await typescript(bytes) };
  console.log(JSON.stringify({ file, ...said }));
}
