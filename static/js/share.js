/*
 * On a touch screen, a download link marked `data-shares` opens the share sheet with the file, so
 * that it can go to Photos or a chat. Where browsers can't share files, it stays a plain link.
 */

const canShare = () => matchMedia("(pointer: coarse)").matches && Boolean(navigator.canShare);

const nameIn = (response) => /filename="([^"]+)"/.exec(response.headers.get("content-disposition"))?.[1] ?? "image";

async function fetchFile(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(response.statusText);
  const blob = await response.blob();
  return new File([blob], nameIn(response), { type: blob.type });
}

/** Share what the link leads to; if that can't be done, follow the link. */
async function share(link) {
  try {
    const files = [await fetchFile(link.href)];
    if (!navigator.canShare({ files })) throw new TypeError();
    await navigator.share({ files });
  } catch (error) {
    // The person has closed the share sheet.
    if (error.name !== "AbortError") location.assign(link.href);
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-shares]");
  if (!link || !canShare() || event.defaultPrevented) return;
  event.preventDefault();
  share(link);
});
