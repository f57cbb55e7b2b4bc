"""The smallest possible adapter, for tests of what all adapters share."""

from generations.providers.answers import Answer
from generations.providers.http import HttpProvider
from generations.providers.types import Accepted, InProgress, Payload, TaskRef

PAYLOAD = Payload(path="/generateTask/seedream-4-5", body=b"{}")
TASK = TaskRef(task_id="1", model="seedream-4-5")


class Plain(HttpProvider):
    """It uses the paths of a provider that the emulator has."""

    name = "apixo"
    label = "Plain"
    engines = ()

    def build_submit(self, request):
        return PAYLOAD

    def parse_submit(self, answer: Answer) -> Accepted:
        return Accepted(task_id=answer.json()["data"]["taskId"])

    def poll_path(self, task: TaskRef) -> str:
        return task.urls.get("status", "/statusTask/seedream-4-5")

    def parse_poll(self, answer: Answer, task: TaskRef) -> InProgress:
        return InProgress(place=answer.json()["place"])
