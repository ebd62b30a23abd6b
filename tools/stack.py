"""The whole deployed stack on this machine: MiniStack, the built template, the routes."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from tools import console, local_template, processes, template
from tools.errors import StackFailed
from tools.ministack import HOST, credentials, free_port, ministack
from tools.paths import BUILT_TEMPLATE, SAM
from tools.routes import Routes
from tools.scratch import environment, forget_account

if TYPE_CHECKING:  # the stubs are not there at run time
    from mypy_boto3_s3 import S3Client

STACK = "vectord"
OPEN = {"Authorization": "NONE", "TlsOnly": "false"}  # anybody on this machine may call, and loopback has no TLS


class Stack:
    """A stack that runs. Its state survives `restart`, its processes do not."""

    def __init__(self, folder: Path, emulator: ExitStack, *, enforce: bool = False) -> None:
        self._folder, self._emulator, self._enforce = folder, emulator, enforce
        self.port = free_port()
        self.endpoint = f"http://{HOST}:{self.port}"
        self.api_id = self.bucket = self.inbox = ""

    @property
    def path(self) -> str:
        """The path under which the API's `$default` stage answers."""
        return f"/_aws/execute-api/{self.api_id}/$default"

    @property
    def url(self) -> str:
        """The API's base URL."""
        return self.endpoint + self.path

    def start(self) -> None:
        """Start MiniStack with whatever state there is."""
        state = self._folder / "ministack"
        state.mkdir(exist_ok=True)
        self._emulator.enter_context(ministack(state, self.port, enforce=self._enforce))

    def restart(self) -> None:
        """End MiniStack and all function processes, empty their /tmp, and start again from what is stored."""
        self._emulator.close()
        self.start()

    def deploy(self, parameters: Mapping[str, str] = OPEN) -> int:
        """Deploy the built template as for AWS, or update what is deployed; add the routes, and give their number."""
        source = local_template.write(self._folder)
        command = [str(SAM), "deploy", "--template-file", str(source), "--stack-name", STACK, "--resolve-s3"]
        command += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]
        command += ["--no-progressbar", "--parameter-overrides", *(f"{name}={parameters[name]}" for name in parameters)]
        env = environment(self._folder) | credentials(self.port) | {"SAM_CLI_POLL_DELAY": "1"}
        processes.run(command, self._folder / "deploy.log", env)
        formation = session().client("cloudformation", endpoint_url=self.endpoint)
        [deployed] = formation.describe_stacks(StackName=STACK)["Stacks"]
        given = {one["ParameterKey"]: one["ParameterValue"] for one in deployed["Parameters"]}
        if not parameters.items() <= given.items():  # MiniStack sees no change where none but a condition's outcome is
            raise StackFailed(
                f"MiniStack deployed {given}, not {dict(parameters)}; change another parameter along with it"
            )
        values = {output["OutputKey"]: output["OutputValue"] for output in deployed["Outputs"]}
        self.api_id, self.bucket, self.inbox = values["ApiId"], values["BucketName"], values["InboxName"]
        declared = template.routes(template.load(BUILT_TEMPLATE))
        Routes(session(), self.endpoint, STACK).create(self.api_id, declared)
        return len(declared)

    def delete(self) -> None:
        """Delete the stack, as `sam delete` does."""
        command = [str(SAM), "delete", "--stack-name", STACK, "--no-prompts", "--region", "us-east-1"]
        env = environment(self._folder) | credentials(self.port)
        processes.run(command, self._folder / "delete.log", env)

    def physical(self, name: str) -> str:
        """Give what a resource of the template is called once deployed."""
        formation = session().client("cloudformation", endpoint_url=self.endpoint)
        found = formation.describe_stack_resource(StackName=STACK, LogicalResourceId=name)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def upload(self, key: str, body: bytes) -> None:
        """Put a file into the inbox, past the API."""
        self._s3().put_object(Bucket=self.inbox, Key=key, Body=body)

    def objects(self) -> dict[str, int]:
        """List what the bucket holds: key and bytes."""
        listed = self._s3().list_objects_v2(Bucket=self.bucket)
        return {item["Key"]: item["Size"] for item in listed.get("Contents", [])}

    def read(self, key: str) -> bytes:
        """Read one object of the bucket, past the API."""
        return self._s3().get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def _s3(self) -> "S3Client":
        return session().client("s3", endpoint_url=self.endpoint)


def session() -> boto3.session.Session:
    """Give the account's own credentials, as far as the stand-in has any."""
    return boto3.session.Session("test", "test", region_name="us-east-1")


@contextmanager
def running_stack(folder: Path, parameters: Mapping[str, str] = OPEN, *, enforce: bool = False) -> Iterator[Stack]:
    """Start and deploy the built template in a scratch folder; end every process of it when the block is left."""
    if not BUILT_TEMPLATE.exists():
        raise StackFailed("nothing is built yet: run make build")
    forget_account()
    with ExitStack() as emulator:
        stack = Stack(folder, emulator, enforce=enforce)
        with console.step("start", f"MiniStack, a stand-in for AWS, on {stack.endpoint}"):
            stack.start()
        with console.step("deploy", "the built template with SAM, then the routes") as step:
            step.note = f"{stack.deploy(parameters)} routes, without {', '.join(local_template.left_out())}"
        yield stack
