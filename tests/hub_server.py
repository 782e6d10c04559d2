"""A stand-in of the Hugging Face Hub: what `huggingface_hub` asks of it."""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
from urllib.parse import unquote

TOKEN = "hf_of_the_tests"


class Hub:
    """Repositories in memory, and what was asked of them.

    Attributes:
        commits: Files by name, by commit and repository.
        branches: Commit by branch and repository.
        gated: Names of repositories that let nobody in.
        uploads: Contents by hash, as LFS keeps them.
        large: Whether weights go through LFS.
        asked: Pairs of method and path.
        messages: Messages of the commits.
    """

    def __init__(self):
        self.commits, self.branches, self.uploads = {}, {}, {}
        self.gated, self.private, self.asked, self.messages = set(), {}, [], []
        self.large = True

    def commit(self, repository, files, branch="main"):
        """Puts files into a repository; the commit."""
        text = repr((branch, len(self.messages), sorted(files)))
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits.setdefault(repository, {})[commit] = dict(files)
        self.branches.setdefault(repository, {})[branch] = commit
        self.messages.append(branch)
        return commit

    def files(self, repository, revision="main"):
        """The files of a revision, and its commit."""
        commit = self.branches[repository].get(revision, revision)
        return self.commits[repository][commit], commit

    def fetched(self):
        """Names of the files whose content was sent."""
        return [
            path.rpartition("/")[2]
            for method, path in self.asked
            if method == "GET" and "/resolve/" in path
        ]


class _Refused(Exception):
    pass


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None

    def log_message(self, *args):
        pass

    def do_GET(self):
        self._answer("GET")

    def do_HEAD(self):
        self._answer("HEAD")

    def do_POST(self):
        self._answer("POST")

    def do_PUT(self):
        self._answer("PUT")

    def _answer(self, method):
        path = self.path.partition("?")[0]
        self.hub.asked.append((method, unquote(path)))
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        try:
            for known, pattern, function in _ROUTES:
                found = re.fullmatch(pattern, path)
                if method in known and found:
                    groups = [unquote(group) for group in found.groups()]
                    function(self, *groups)
                    return
            raise _Refused(404, "EntryNotFound")
        except _Refused as refused:
            status, code = refused.args
            self._send(b"{}", status, {"X-Error-Code": code})

    def _send(self, content, status=200, headers=None):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _logged_in(self):
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise _Refused(401, "")

    def _files(self, repository, revision):
        if repository in self.hub.gated:
            raise _Refused(403, "GatedRepo")
        if repository not in self.hub.commits:
            raise _Refused(401, "RepoNotFound")
        try:
            return self.hub.files(repository, revision)
        except KeyError:
            raise _Refused(404, "RevisionNotFound") from None

    def resolve(self, repository, revision, name):
        files, commit = self._files(repository, revision)
        if name not in files:
            raise _Refused(404, "EntryNotFound")
        tag = hashlib.sha1(files[name]).hexdigest()
        self._send(
            files[name],
            headers={"X-Repo-Commit": commit, "ETag": f'"{tag}"'},
        )

    def create(self):
        self._logged_in()
        wanted = json.loads(self.body)
        repository = f"{wanted['organization'] or 'me'}/{wanted['name']}"
        if repository.startswith("others/"):
            raise _Refused(403, "")
        if repository in self.hub.commits:
            url = f"https://huggingface.co/{repository}"
            self._send({"error": "it exists", "url": url}, 409)
            return
        self.hub.private[repository] = wanted.get("visibility") == "private"
        self.hub.commit(repository, {".gitattributes": b"lfs"})
        self._send({"url": f"https://huggingface.co/{repository}"})

    def about(self, repository):
        self._files(repository, "main")
        private = self.hub.private.get(repository, False)
        self._send({"id": repository, "private": private, "tags": []})

    def branch(self, repository, branch):
        self._logged_in()
        branches = self.hub.branches[repository]
        branches[branch] = branches["main"]
        self._send({})

    def tree(self, repository, revision):
        files, _ = self._files(repository, revision)
        self._send(
            [
                {"type": "file", "path": name, "size": len(c), "oid": "0" * 40}
                for name, c in files.items()
            ]
        )

    def validate(self):
        import yaml

        text = json.loads(self.body)["content"]
        found = re.match(r"---\n(.*?)\n---\n", text, re.S)
        try:
            wrong = not isinstance(yaml.safe_load(found[1]), dict)
        except (yaml.YAMLError, TypeError):
            wrong = True
        errors = [{"message": "no front matter"}] if wrong else []
        self._send({"errors": errors}, 400 if wrong else 200)

    def preupload(self, repository, revision):
        self._logged_in()
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs"
                if self.hub.large and file["path"].endswith(".safetensors")
                else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(self.body)["files"]
        ]
        self._send({"files": modes})

    def batch(self, repository):
        place = f"http://127.0.0.1:{self.server.server_port}/lfs"
        objects = [
            {**item, "actions": {"upload": {"href": f"{place}/{item['oid']}"}}}
            for item in json.loads(self.body)["objects"]
        ]
        self._send({"transfer": "basic", "objects": objects})

    def upload(self, oid):
        self.hub.uploads[oid] = self.body
        self._send({})

    def commit(self, repository, revision):
        self._logged_in()
        files = dict(self._files(repository, revision)[0])
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.hub.uploads[value["oid"]]
            elif item["key"] == "deletedFile":
                del files[value["path"]]
        commit = self.hub.commit(repository, files, revision)
        url = f"http://127.0.0.1:{self.server.server_port}/{repository}"
        self._send({"commitUrl": f"{url}/commit/{commit}", "commitOid": commit})


_ROUTES = (
    ("POST", r"/api/repos/create", _Handler.create),
    ("POST", r"/api/validate-yaml", _Handler.validate),
    ("POST", r"/api/models/(.+)/branch/(.+)", _Handler.branch),
    ("GET", r"/api/models/(.+)/tree/(.+)", _Handler.tree),
    ("GET", r"/api/models/([^/]+/[^/]+)", _Handler.about),
    ("POST", r"/api/models/(.+)/preupload/(.+)", _Handler.preupload),
    ("POST", r"/api/models/(.+)/commit/(.+)", _Handler.commit),
    ("POST", r"/(.+)\.git/info/lfs/objects/batch", _Handler.batch),
    ("PUT", r"/lfs/(.+)", _Handler.upload),
    (("GET", "HEAD"), r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", _Handler.resolve),
)


@contextlib.contextmanager
def serving(handler):
    """Runs a server for a handler; its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def stand_in(monkeypatch, cache):
    """A Hub, which `huggingface_hub` takes for the only one."""
    from huggingface_hub import constants

    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with serving(handler) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        yield hub
