"""Credentials that cannot be had or used: one sentence, the right exit code, and no credential in all that is printed.

Each case is a real job with made-up secrets.
"""

import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import environment, error_of, events, run_job, tiny_settings

SECRET = "made-up-secret-access-key-6c2f9e"  # noqa: S105 -- like all of these it opens nothing
SESSION = "made-up-session-token-1b77d0"
IDENTITY = "made-up.web-identity.token-e02a51"
PRINTED = "made-up-output-of-a-program-93ab44"
PASSWORD = "made-up-password-0d5b"  # noqa: S105 -- likewise
SECRETS = (SECRET, SESSION, IDENTITY, PRINTED, PASSWORD)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAMADEUP", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": SESSION}


class Server:
    """Answers every request, of S3, of STS and of a container's credentials, with one status and body."""

    def __init__(self) -> None:
        self.answer: tuple[int, str] = (500, "")
        self.requests = 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.requests += 1
                status, body = server.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_PUT = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback."""
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever)
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def refused(code: str, status: int = 403) -> tuple[int, str]:
    """Return an answer of STS, whose message has a credential in it, as no real one has."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>no {IDENTITY}</Message></Error>"
    return status, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"


@dataclass(frozen=True)
class Case:
    """What is set, in files and in variables, and how the job must end."""

    code: int
    message: str
    variables: dict[str, str]
    """DIR stands for a folder of the test's, SERVER for the server's URL."""
    files: dict[str, str | bytes]
    answer: tuple[int, str] = (500, "")


def keys(message: str, code: int = 42, *, answer: tuple[int, str] = (500, ""), **changes: str) -> Case:
    return Case(code, message, KEYS | changes, {}, answer)


def profile(message: str, text: str, code: int = 42, *, run: str | bytes = "", **variables: str) -> Case:
    files: dict[str, str | bytes] = {"config": text, "run": run}
    return Case(code, message, {"AWS_CONFIG_FILE": "DIR/config", "PATH": os.environ["PATH"]} | variables, files)


def program(message: str, script: str, code: int = 42) -> Case:
    return profile(message, f"{PROCESS} DIR/run", code, run=f"#!/bin/sh\n{script}\n")


def printing(message: str, output: object, code: int = 42) -> Case:
    return program(message, f"cat <<'END'\n{json.dumps(output)}\nEND", code)


def identity(message: str, token: str | bytes | None, code: int = 42, *, answer: tuple[int, str] = (500, "")) -> Case:
    variables = {
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/made-up",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "DIR/token",
        "AWS_ENDPOINT_URL_STS": "SERVER",
    }
    return Case(code, message, variables, {} if token is None else {"token": token}, answer)


def container(message: str, code: int = 42, *, answer: tuple[int, str] = (500, ""), **changes: str) -> Case:
    variables = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "SERVER/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": IDENTITY}
    return Case(code, message, variables | changes, {"token": f"{IDENTITY}\r\n\r\n"}, answer)


PROCESS = "[default]\ncredential_process ="
ROLE = "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = keys\n"
OUTPUT = {"Version": 1, "AccessKeyId": "AKIAMADEUP", "SecretAccessKey": SECRET, "SessionToken": SESSION}
IDENTITY_SOURCE = "AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE gives no credentials: "
PROCESS_SOURCE = "credential_process in the AWS config file gives no credentials: "
CASES: dict[str, Case] = {
    "line break in the key id": keys("AWS_ACCESS_KEY_ID has a blank, a line break", AWS_ACCESS_KEY_ID="AKIAMADEUP\n"),
    "blank in the key id": keys("AWS_ACCESS_KEY_ID has a blank, a line break", AWS_ACCESS_KEY_ID=" AKIAMADEUP"),
    "line break in the secret": keys("AWS_SECRET_ACCESS_KEY has a blank", AWS_SECRET_ACCESS_KEY=f"{SECRET}\r\n"),
    "quotes around the secret": keys("AWS_SECRET_ACCESS_KEY has quotes", AWS_SECRET_ACCESS_KEY=f'"{SECRET}"'),
    "line break in the token": keys("AWS_SESSION_TOKEN has a blank, a line break", AWS_SESSION_TOKEN=f"{SESSION}\n"),
    "line break within the token": keys("AWS_SESSION_TOKEN has a", AWS_SESSION_TOKEN=f"{SESSION[:9]}\n{SESSION}"),
    "letters in the token": keys("AWS_SESSION_TOKEN has a blank", AWS_SESSION_TOKEN=f"{SESSION}\u201d"),
    "bytes in the token": keys("AWS_SESSION_TOKEN has a blank", AWS_SESSION_TOKEN=f"{SESSION}\udcff"),
    "line break in the region": keys(r"AWS_REGION='us-east-1\n' is no region; allowed are", AWS_REGION="us-east-1\n"),
    "blank in the region": keys("AWS_DEFAULT_REGION=' us-east-1' is no region", AWS_DEFAULT_REGION=" us-east-1"),
    "quotes around the region": keys('AWS_REGION="us-east-1" is no region', AWS_REGION='"us-east-1"'),
    "endpoint without a scheme": keys("Invalid endpoint: localhost; check", AWS_ENDPOINT_URL_S3="localhost"),
    "line break in the endpoint": keys("cannot open S3: Invalid endpoint: http", AWS_ENDPOINT_URL_S3="http://h\n"),
    "another scheme": keys("the endpoint ftp://host cannot be used; allowed", AWS_ENDPOINT_URL_S3="ftp://host"),
    "password in the endpoint": keys(
        "the endpoint http://***127.0.0.1:9 cannot be", AWS_ENDPOINT_URL_S3=f"http://user:{PASSWORD}@127.0.0.1:9"
    ),
    "password in a bad endpoint": keys(
        "cannot open S3: Invalid endpoint: http://***", AWS_ENDPOINT_URL_S3=f"http://user:{PASSWORD}@a_b:9"
    ),
    "password of a proxy": keys(
        "gave no answer for 1 seconds; the last cause was", 1, HTTP_PROXY=f"http://user:{PASSWORD}@127.0.0.1:9"
    ),
    "no secret": keys("Partial credentials found in env", AWS_SECRET_ACCESS_KEY=""),
    "none at all": Case(42, "Unable to locate credentials; set AWS_ACCESS_KEY_ID", {}, {}),
    "an expired session": keys("the session token is not valid, or no longer", answer=refused("ExpiredToken", 400)),
    "an error that shows the token": keys("***", answer=(400, f"<Error><Message>{SESSION}</Message></Error>")),
    "no permission": keys("these credentials lack s3:GetObject", answer=(403, "")),
    "token file missing": identity(f"{IDENTITY_SOURCE}'DIR/token' cannot be read or run (No such file", None),
    "token file below a file": Case(
        *(42, "cannot be read or run (Not a directory)"),
        {"AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "DIR/token/token"},
        {"token": IDENTITY},
    ),
    "token file is a folder": Case(
        *(42, "'DIR' cannot be read or run (Is a directory)"),
        {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "DIR"},
        {},
    ),
    "token file empty": identity(f"{IDENTITY_SOURCE}the role's name or its token is empty", ""),
    "token file no text": identity(f"{IDENTITY_SOURCE}what it holds or prints cannot be read", b"\xff\xfe\xe9"),
    "role refused": identity(
        f"{IDENTITY_SOURCE}AssumeRoleWithWebIdentity is refused with 403 AccessDenied; check the role, its",
        *(IDENTITY, 42),
        answer=refused("AccessDenied"),
    ),
    "identity expired": identity("400 ExpiredTokenException", IDENTITY, answer=refused("ExpiredTokenException", 400)),
    "identity unknown": identity("400 InvalidIdentityToken", IDENTITY, answer=refused("InvalidIdentityToken", 400)),
    "STS too busy": identity("is refused with 400 Throttling", IDENTITY, 1, answer=refused("Throttling", 400)),
    "STS down": identity("is refused with 503", IDENTITY, 1, answer=refused("ServiceUnavailable", 503)),
    "STS answers otherwise": identity("no answer, or none of the", IDENTITY, 1, answer=(200, f"<a>{PRINTED}")),
    "program missing": profile(f"{PROCESS_SOURCE}'no-such-program' cannot be read or", f"{PROCESS} no-such-program x"),
    "program not to be run": profile(f"{PROCESS_SOURCE}'/dev/null' cannot be", f"{PROCESS} /dev/null"),
    "program's quotes": profile(f"{PROCESS_SOURCE}what it holds", f"{PROCESS} 'run"),
    "program fails": program(f"{PROCESS_SOURCE}it ended with an error; run it", f"echo {PRINTED} >&2; exit 3", 1),
    "program fails with bytes": program(f"{PROCESS_SOURCE}what it", f"echo {PRINTED} >&2; printf '\\377' >&2; exit 3"),
    "program prints no JSON": program(f"{PROCESS_SOURCE}what it holds or prints cannot be read", f"echo {PRINTED}"),
    "program prints a list": printing(f"{PROCESS_SOURCE}what it holds or prints cannot be read", [PRINTED]),
    "program of version 2": printing(f"{PROCESS_SOURCE}it has printed something else", OUTPUT | {"Version": PRINTED}),
    "program without a key": printing(f"{PROCESS_SOURCE}it has printed something else", {"Version": 1, "x": PRINTED}),
    "program's token": printing("the session token of credential_process", OUTPUT | {"SessionToken": f"{SESSION}\n"}),
    "program's keys expired": printing("they are new and expired", OUTPUT | {"Expiration": "2020-01-01T00:00:00Z"}),
    "program's date": printing("what it holds or prints", OUTPUT | {"Expiration": PRINTED}),
    "profile missing": keys("profile (nobody) could not be found; check AWS_PROFILE", AWS_PROFILE="nobody"),
    "config file of no form": profile("Unable to parse config file", f"aws_secret_access_key {SECRET}\n"),
    "config file of no text": profile("Unable to parse config file", f"[default]\nx = \udcff{SECRET}\n"),
    "region in the config file": profile("region in the AWS config file=us_east is no", "[default]\nregion = us_east"),
    "keys with a blank in the file": profile(
        "the secret access key of the AWS config file has a blank",
        f"[default]\naws_access_key_id = AKIAMADEUP\naws_secret_access_key = {SECRET} {PASSWORD}\n",
    ),
    "source profile missing": profile("role_arn in the AWS config file gives no credentials: ", ROLE),
    "a code is asked for": profile(
        "role_arn in the AWS config file gives no credentials: it asks for a code (mfa_serial)",
        f"{ROLE}mfa_serial = arn:aws:iam::123456789012:mfa/u\n"
        f"[profile keys]\naws_access_key_id = AKIAMADEUP\naws_secret_access_key = {SECRET}\n",
    ),
    "not logged in": profile(
        "the login by SSO gives no credentials: ",
        "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://127.0.0.1/start\n",
    ),
    "container's URL elsewhere": container("(ValueError)", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://192.0.2.1/x"),
    "container's token": container("(ValueError)", AWS_CONTAINER_AUTHORIZATION_TOKEN=f"{IDENTITY}\r\n"),
    "container's token in a file": container(
        "(ValueError)",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="DIR/token",  # noqa: S106 -- a path
    ),
    "container's token file missing": container(
        "'DIR/none' cannot be read or run (No such file",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="DIR/none",  # noqa: S106 -- a path
    ),
    "container's role refused": container("it was answered with 403", answer=(403, PRINTED)),
    "container's server down": container("it was answered with 500", 1, answer=(500, PRINTED)),
    "container's answer": container("no answer, or none of the right form", 1, answer=(200, PRINTED)),
}  # fmt: skip


def made(case: Case, directory: Path, url: str) -> dict[str, str]:
    """Write a case's files and return its variables."""
    for name, content in case.files.items():
        text = content if isinstance(content, str) else content.decode("utf-8", "surrogateescape")
        path = directory / name
        path.write_bytes(text.replace("DIR", str(directory)).encode("utf-8", "surrogateescape"))
        path.chmod(0o755)
    given = {"AWS_ENDPOINT_URL_S3": url, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {
        name: value.replace("DIR", str(directory)).replace("SERVER", url)
        for name, value in (given | case.variables).items()
    }


@pytest.mark.parametrize("name", CASES)
def test_what_the_chain_raises_is_one_sentence_without_a_secret(tmp_path: Path, server: Server, name: str) -> None:
    """What will not get better is exit 42 at once, what may is exit 1 after the retries; nothing secret is printed."""
    case = CASES[name]
    server.answer = case.answer
    changes = {"OUTPUT_URI": "s3://shop/run/", "RETRY_SECONDS": "1", "LOG_LEVEL": "debug"}
    result = run_job(tiny_settings(tmp_path, **changes) | made(case, tmp_path, server.url), "check")
    printed = result.stdout + result.stderr
    assert [secret for secret in SECRETS if secret in printed] == []
    assert case.message.replace("DIR", str(tmp_path)) in error_of(result)
    assert result.returncode == case.code, result.stderr
    assert bool(events(result, "storage retry")) == (case.code == 1)


COMMANDS: dict[str, Callable[[Path], tuple[dict[str, str], tuple[str, ...]]]] = {
    "run": lambda folder: (tiny_settings(folder, OUTPUT_URI="s3://shop/run/"), ()),
    "catalogue": lambda folder: (tiny_settings(folder, DATASET_URI="s3://shop/c.zip"), ()),
    "warm start": lambda folder: (tiny_settings(folder, WARM_START_URI="s3://shop/1/"), ()),
    "weights": lambda folder: (tiny_settings(folder, INIT_WEIGHTS="s3://shop/w.pth"), ("check",)),
    "predict": lambda _: ({}, ("predict", "s3://shop/run/", "1.jpg")),
    "report": lambda _: ({}, ("report", "s3://shop/run/")),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_the_same_door(tmp_path: Path, server: Server, command: str) -> None:
    """Run, catalogue, earlier runs, weights, prediction and report end alike where STS refuses the role."""
    case = CASES["role refused"]
    server.answer = case.answer
    settings, arguments = COMMANDS[command](tmp_path)
    result = run_job(environment(settings | made(case, tmp_path, server.url)), *arguments)
    assert [secret for secret in SECRETS if secret in result.stdout + result.stderr] == []
    assert case.message in error_of(result)
    assert result.returncode == 42
    assert not events(result, "storage retry")
    assert server.requests <= 2


def test_a_role_that_is_granted_meanwhile_is_waited_for(tmp_path: Path, server: Server) -> None:
    """What may pass is asked for again, by the same credentials that failed before."""
    case = CASES["STS too busy"]
    server.answer = case.answer
    timer = threading.Timer(2, lambda: setattr(server, "answer", refused("AccessDenied")))
    timer.start()
    settings: dict[str, Any] = tiny_settings(tmp_path, OUTPUT_URI="s3://shop/run/", RETRY_SECONDS="60")
    result = run_job(settings | made(case, tmp_path, server.url), "check")
    timer.join()
    assert events(result, "storage retry")
    assert "403 AccessDenied" in error_of(result)
