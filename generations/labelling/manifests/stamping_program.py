"""A process that signs files with time stamps, so that whoever waits for it can end it.

c2pa waits for an authority as long as it keeps its connection open, and no other thread can stop
it. The process gets requests on the socket whose number is its argument, and ends with whoever
started it. It never has the private key: it sends back what is to be signed.
"""

import sys
from multiprocessing.connection import Connection

from generations.labelling.manifests.signing import Request, sign

KEY, SIGNED, FAILED = "key", "signed", "failed"


def serve(connection: Connection) -> None:
    """Answer requests until the other side ends.

    To a `Request`, the answer is (SIGNED, the file) or (FAILED, why). Before it there may be (KEY,
    bytes), to which the other side replies with the signature of the bytes.
    """

    def ask(data: bytes) -> bytes:
        connection.send((KEY, data))
        signature: bytes = connection.recv()
        return signature

    while True:
        try:
            request: Request = connection.recv()
        except EOFError:
            return
        try:
            connection.send((SIGNED, sign(request, ask)))
        except ValueError as error:
            connection.send((FAILED, str(error).encode()))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
