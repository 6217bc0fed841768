"""URIs and paths: what each names, and which texts cannot be meant as names.

A text that only looks like a URI would name a local folder, and is lost with its container. `docker --env-file` keeps
quotes, blanks and variables as they are. Knows no disk and no S3.
"""

import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote

URIS = "s3://bucket/prefix/, file:///folder/ and paths"
PATHS = "paths of this machine"

_QUOTES = "\"'`\u00ab\u00bb\u2018\u2019\u201a\u201c\u201d\u201e"
_UNSEEN = "\u200b\u2060\ufeff"  # come with text that was copied from a page
_BESIDE_SLASH = re.compile(r"/\s|\s/")
_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}|arn:[^\s/]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_ALMOST = re.compile(r"(s3[an]?|gs|gcs|https?|file|arn|az|abfss?|wasbs?|hdfs|ftp|minio|r2)[^\w/]*(:|//)", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?<=://)[^/@]*:[^@]*@|(?<=\?)[^\s\"']+")


def check_text(text: str, allowed: str) -> str:
    """Return `text`; raises ValueError with what is wrong and what is allowed if it cannot be a name."""
    unfit = {unicodedata.category(character) for character in text} & {"Cc", "Cs", "Zl", "Zp"}
    if not text:
        wrong = "is empty"
    elif text != text.strip().strip(_UNSEEN):
        wrong = "begins or ends with a blank or a line break"
    elif unfit:
        wrong = "is no UTF-8" if "Cs" in unfit else "has a line break or a control character in it"
    elif text[0] in _QUOTES or text[-1] in _QUOTES:
        wrong = "has quotes around it"
    elif text.startswith("$") or "${" in text or "$(" in text:
        wrong = "has a variable in it, which nothing has replaced"
    else:
        return text
    raise _refused(wrong, allowed)


def check_path(text: str) -> str:
    """Return `text`; raises ValueError if it is no path, a URI for instance."""
    check_text(text, PATHS)
    if "://" in text or _ALMOST.match(text):
        raise _refused("looks like a URI", PATHS)
    return text


def check_uri(text: str) -> str:
    """Return `text`; raises ValueError if it is neither a URI of an allowed scheme nor a path."""
    check_text(text, URIS)
    if _BESIDE_SLASH.search(text):
        raise _refused("has a blank beside a slash", URIS)
    if not text.startswith("s3://"):
        local_path(text)
    elif not _BUCKET.fullmatch(text.removeprefix("s3://").partition("/")[0]):
        raise _refused("names no bucket", URIS)
    return text


def local_path(uri: str) -> Path:
    """Return the path that a `file://` URI or a path names; raises ValueError for anything else."""
    if uri.startswith("file://"):
        host, slash, path = uri.removeprefix("file://").partition("/")
        if host not in {"", "localhost"} or not slash:
            raise _refused("names no path of this machine", URIS)
        if not {"?", "#"}.isdisjoint(path):
            raise _refused("has a ? or # in it", "file:///folder/ with these two as %3F and %23")
        return Path(check_text("/" + unquote(path, errors="surrogateescape"), URIS))
    if scheme := _SCHEME.match(uri):
        raise _refused(f"has the scheme {scheme[1]}", URIS)
    if "://" in uri or _ALMOST.match(uri):
        raise _refused("looks like a URI and is none", URIS)
    try:
        return Path(uri).expanduser()  # where no shell has done it, as in a manifest
    except RuntimeError:
        raise _refused("is in the home of a user who has none", URIS) from None


def split_uri(uri: str) -> tuple[str, str]:
    """Split an object's URI into that of its folder and its key; the key is empty where `uri` names a folder."""
    if uri.startswith("s3://"):
        bucket, _, path = uri.removeprefix("s3://").partition("/")
        folder, slash, key = path.rpartition("/")
        return f"s3://{bucket}/{folder}{slash}", key
    folder, slash, key = uri.rpartition("/")
    if uri.startswith("file://"):
        return folder + slash, unquote(key)
    return (folder + slash) or "./", key


def shown(text: str) -> str:
    """Return a refused text for a message: in one line, without passwords, in quotes if it has blanks around it.

    A signed URL has a key in its query.
    """
    text = without_credentials(text)
    return text if text and text == text.strip() and text.isprintable() else repr(text)


def without_credentials(text: str) -> str:
    """Return a text without the passwords and queries of the URLs in it."""
    return _CREDENTIALS.sub("***", text) if "://" in text else text


def _refused(wrong: str, allowed: str) -> ValueError:
    return ValueError(f"it {wrong}; allowed are {allowed}")
