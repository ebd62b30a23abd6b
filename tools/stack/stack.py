"""Start, deploy, restart and delete the whole stack on this machine."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from tools.command import console, processes
from tools.command.errors import StackFailed
from tools.command.paths import BUILT_TEMPLATE, SAM
from tools.command.run import environment, forget_account
from tools.stack import template
from tools.stack.ministack import HOST, credentials, free_port, ministack
from tools.stack.routes import Routes

if TYPE_CHECKING:  # the stubs are not installed at run time
    from mypy_boto3_s3 import S3Client

STACK = "vectord"
OPEN = {"Authorization": "NONE", "TlsOnly": "false"}  # no signatures, no TLS: loopback only


class Stack:
    """A running stack. `restart` keeps its state and replaces its processes."""

    def __init__(self, folder: Path, emulator: ExitStack, *, enforce: bool = False) -> None:
        self._folder, self._emulator, self._enforce = folder, emulator, enforce
        self.port = free_port()
        self.endpoint = f"http://{HOST}:{self.port}"
        self.api_id = self.bucket = self.inbox = ""

    @property
    def path(self) -> str:
        """The base path of the API's `$default` stage."""
        return f"/_aws/execute-api/{self.api_id}/$default"

    @property
    def url(self) -> str:
        """The API's base URL."""
        return self.endpoint + self.path

    def start(self) -> None:
        """Start MiniStack with the state of the folder."""
        state = self._folder / "ministack"
        state.mkdir(exist_ok=True)
        self._emulator.enter_context(ministack(state, self.port, enforce=self._enforce))

    def restart(self) -> None:
        """End MiniStack and all function processes, empty their /tmp, and start again from the stored state."""
        self._emulator.close()
        self.start()

    def deploy(self, parameters: Mapping[str, str] = OPEN, layer: Path | None = None) -> int:
        """Deploy the built template, or update the deployed stack; create the routes and return their number.

        A folder `layer` replaces the built layer.

        Raises:
            StackFailed: the deployed parameters are not `parameters`.
        """
        source = template.write_deployable(self._folder, layer)
        command = [str(SAM), "deploy", "--template-file", str(source), "--stack-name", STACK, "--resolve-s3"]
        command += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]
        command += ["--no-progressbar", "--parameter-overrides", *(f"{name}={parameters[name]}" for name in parameters)]
        env = environment(self._folder) | credentials(self.port) | {"SAM_CLI_POLL_DELAY": "1"}
        processes.run(command, self._folder / "deploy.log", env)
        formation = session().client("cloudformation", endpoint_url=self.endpoint)
        [deployed] = formation.describe_stacks(StackName=STACK)["Stacks"]
        given = {one["ParameterKey"]: one["ParameterValue"] for one in deployed["Parameters"]}
        if not parameters.items() <= given.items():  # MiniStack ignores a change that only affects a condition
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
        """Return the physical id of a deployed resource."""
        formation = session().client("cloudformation", endpoint_url=self.endpoint)
        found = formation.describe_stack_resource(StackName=STACK, LogicalResourceId=name)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def log_group(self, function: str) -> str:
        """Return the name of the log group of a function of the template, such as `SearchFunction`."""
        return self.physical(f"{function.removesuffix('Function')}LogGroup")

    def upload(self, key: str, body: bytes) -> None:
        """Put a file into the inbox bucket."""
        self._s3().put_object(Bucket=self.inbox, Key=key, Body=body)

    def objects(self) -> dict[str, int]:
        """Return the keys and sizes in bytes of the bucket's objects."""
        listed = self._s3().list_objects_v2(Bucket=self.bucket)
        return {item["Key"]: item["Size"] for item in listed.get("Contents", [])}

    def read(self, key: str) -> bytes:
        """Read one object of the bucket."""
        return self._s3().get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def _s3(self) -> "S3Client":
        return session().client("s3", endpoint_url=self.endpoint)


def session() -> boto3.session.Session:
    """Return a session with credentials of the account's root; MiniStack accepts any."""
    return boto3.session.Session("test", "test", region_name="us-east-1")


@contextmanager
def running_stack(folder: Path, parameters: Mapping[str, str] = OPEN, *, enforce: bool = False) -> Iterator[Stack]:
    """Start and deploy the built template in a scratch folder; end all of its processes when the block is left."""
    if not BUILT_TEMPLATE.exists():
        raise StackFailed("nothing is built yet: run make build")
    forget_account()
    with ExitStack() as emulator:
        stack = Stack(folder, emulator, enforce=enforce)
        with console.step("start", f"MiniStack, in place of AWS, on {stack.endpoint}"):
            stack.start()
        with console.step("deploy", "the built template with SAM, then the routes") as step:
            step.note = f"{stack.deploy(parameters)} routes, without {', '.join(template.unsupported())}"
        yield stack
