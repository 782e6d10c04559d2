"""`kerasseg serve`: a page on which models segment images in the browser."""

import argparse
import io
import ipaddress

from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import one_line
from kerasseg.cli.export import image_size
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import path_argument
from kerasseg.cli.output import echo
from kerasseg.cli.page_models import named_models

ENTRIES = ("lrr_4x", "bilinear")
HOST, PORT = "127.0.0.1", 8000

_EPILOG = """\
examples:
  kerasseg serve
  kerasseg serve lrr_4x gdn pixel_dcl --image my_street.jpg
  kerasseg serve my_model --image-shape 512x512
  kerasseg serve lrr_4x lrr_4x_int8.onnx
  kerasseg serve lrr_4x --out site

Each model becomes an ONNX file, which is compared with the Keras model and
kept in the cache. The page runs it in WebAssembly: no image leaves the browser.
onnxruntime-web, 14 MB, is downloaded at the first time and verified; --runtime
takes it from a folder. --out writes the page to a folder, for any web server,
and serves nothing.
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "serve",
        help="a page on which models segment images in the browser",
        description="Show a page on this computer: drop an image or use the "
        "camera, switch models, look at boundaries, save the mask.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "entries",
        metavar="ENTRY",
        nargs="*",
        type=name_argument,
        help=f"{ENTRY_HELP}, or an exported .onnx file with its sidecar "
        f"(default: {' and '.join(ENTRIES)})",
    )
    parser.add_argument(
        "--image-shape",
        metavar="HxW",
        type=image_size,
        help="height and width of what the models take "
        "(default: the size that an entry was trained at)",
    )
    parser.add_argument(
        "--image",
        metavar="FILE",
        type=path_argument,
        help="the image that is shown first (default: a drawn street)",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=path_argument, help="write the page there"
    )
    _add_places(parser)
    parser.set_defaults(run=run)


def _add_places(parser):
    parser.add_argument(
        "--port",
        type=_port,
        default=PORT,
        help=f"the port; 0 takes a free one (default: {PORT})",
    )
    parser.add_argument(
        "--host",
        default=HOST,
        help="where to listen; any other address than that of this computer "
        f"lets others in (default: {HOST})",
    )
    parser.add_argument(
        "--runtime",
        metavar="DIR",
        type=path_argument,
        help="folder dist of the npm package onnxruntime-web (default: "
        "downloaded into the cache)",
    )


def run(args: argparse.Namespace) -> int:
    """Serves the page until it is interrupted, or writes it to a folder.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.
    """
    from kerasseg import page

    models = named_models(args.entries or ENTRIES, args.image_shape)
    image = _first_image(args.image, models.values())
    if args.out:
        folder = make_folder(args.out)
        page.write_site(_files(models, image, args.runtime), folder)
        echo(f"{folder / 'index.html'} and its models, for any web server")
        return 0
    with _listening(args.host, args.port) as server:
        server.files = _files(models, image, args.runtime)
        echo(f"{server.url} until Ctrl-C", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def _files(models, image, folder):
    """All files of the page, for which the models are exported."""
    from kerasseg import page

    try:
        runtime = page.runtime_files(folder)
    except ConnectionError as error:
        echo(f"warning: {one_line(error)}", error=True)
        echo("The browser will try to fetch it by itself.", error=True)
        runtime = {}
    files = {name: model.file() for name, model in models.items()}
    return page.site_files(files, runtime, image)


def _first_image(path, models):
    """The image that is shown first, as a PNG file; `None` without one."""
    from PIL import Image

    from kerasseg.cli.demo_images import draw_street
    from kerasseg.data import read_image

    if path is not None:
        pixels = read_image(path)
    elif all(model.channels == 3 for model in models):
        pixels = draw_street()
    else:
        return None
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _port(text):
    if not text.isdecimal() or len(text) > 5 or int(text) > 65535:
        raise argparse.ArgumentTypeError(
            f"must be a number from 0 to 65535, not {text!r}"
        )
    return int(text)


def _listening(host, port):
    """A server that listens; it is made before anything takes long."""
    from kerasseg.page import Server

    if not host:
        raise UsageError("--host must be a name or an address, not ''")
    try:
        server = Server(host, port)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on port {port} of {host}: {reason}; --port takes "
            "another port, and --port 0 any that is free"
        ) from error
    if not _is_own(host):
        echo(
            f"warning: who reaches {host} over the network gets the page and "
            "its models. There browsers give it neither a camera nor threads, "
            "since it is no https",
            error=True,
        )
    return server


def _is_own(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
