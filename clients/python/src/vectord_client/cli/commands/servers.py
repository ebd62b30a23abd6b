"""`vectord serve`, `mcp` and `ui`: processes that answer until they are stopped."""

import os
import sys
import webbrowser
from pathlib import Path
from threading import Thread

import click

from vectord_client.cli.command import command
from vectord_client.cli.output import say
from vectord_client.cli.parameters import TEXT
from vectord_client.cli.session import Session, pass_session
from vectord_client.embedded.entry import serve
from vectord_client.target import resolve

_SERVE = """
vectord serve --store ./data
vectord serve --store ./data --port 9000
"""


@command(examples=_SERVE)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 is any free port.")
@click.option(
    "--open-to-network", is_flag=True, help="Allow an address that other machines reach. They may do everything."
)
@pass_session
def serve_command(session: Session, host: str, port: int, open_to_network: bool) -> None:
    """Serve the folder of --store over HTTP on this machine, with the whole API, until Ctrl-C.

    It says where, once requests are answered; in a pipe by a line of JSON with `url` and `folder`.
    """
    if session.store is None:
        raise click.UsageError("--store FOLDER names the folder to serve")
    folder, output = Path(session.store), session.output

    def announce(url: str, greeting: str) -> None:
        if output.as_json:
            output.records((), [{"url": url, "folder": str(folder.resolve())}])
            sys.stdout.flush()
        else:
            say(greeting)

    serve(folder, host, port, announce=announce, open_to_network=open_to_network)


_MCP = """
vectord mcp --store ./data
vectord mcp --url "$URL"
vectord mcp --store ./data --write
"""


@command(examples=_MCP)
@click.option("--write", is_flag=True, help="Also let the model add and delete vectors.")
@click.option("--model", type=TEXT, metavar="NAME", help="The model of texts, where an index records none.")
@pass_session
def mcp_command(session: Session, *, write: bool, model: str | None) -> None:
    """Serve indexes to language models by the Model Context Protocol, over standard input and output.

    A program such as an editor or a chat starts this command and ends it. Without --write it only reads.
    """
    from vectord_client.mcp.server import make_server  # noqa: PLC0415  the package mcp is an extra

    make_server(session.open(may_create=write, embedder=model), write=write).run("stdio")


_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")  # set where a browser can open a window
_UI = """
vectord ui --store ./data
vectord ui --url "$URL" --no-open
"""


@command(examples=_UI)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on. Default: any free one.")
@click.option("--open/--no-open", "open_browser", default=True, show_default=False, help="Open it in a browser.")
@click.option("--model", type=TEXT, metavar="NAME", help="The model of texts, where an index records none.")
@pass_session
def ui_command(session: Session, *, port: int, open_browser: bool, model: str | None) -> None:
    """Show indexes in a browser: search, facets, a map, recall against latency. It only reads.

    The page comes from this process, which passes its requests on with your credentials, until Ctrl-C. Keep the address
    secret: every program that has it can read what you can read.
    """
    from vectord_client.ui.server import Server  # noqa: PLC0415  first: its error names the extra that is missing

    # isort: split
    from vectord_client.ui.calls import Options  # noqa: PLC0415

    output, target = session.output, str(resolve(session.target, os.environ))
    embedder = model or os.environ.get("VECTORD_EMBEDDER")
    options = Options(target=target, embedder=embedder, timeout=session.timeout or 60.0)
    with Server(session.client, port, options=options) as server:
        if output.as_json:
            output.records((), [{"url": server.url}])
            sys.stdout.flush()
        else:
            say(f"vectord shows {target} at\n\n  {server.url}\n\nThe address has a secret token. Ctrl-C ends it.")
        if open_browser:
            _open_in_browser(server.url_for_one_visit)
        server.run()


def _open_in_browser(url: str) -> None:
    """Open a URL in the background. Without a display nothing happens: a browser of text would take the terminal."""
    if sys.platform in {"darwin", "win32"} or any(os.environ.get(sign) for sign in _DISPLAYS):
        Thread(target=webbrowser.open, args=(url,), daemon=True).start()
