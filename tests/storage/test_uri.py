"""What a URI or a path may look like: what is meant is read, what cannot be meant is refused with what is allowed."""

import re

import pytest

from job.errors import StorageError
from job.storage import open_storage, split_uri
from job.storage.uri import check_path, check_text, check_uri, shown

MEANT = (
    *("s3://bucket", "s3://bucket/", "s3://bucket/runs/42/", "s3://shop.photos_1/My Photos/fashion 2.zip"),
    *("s3://arn:aws:s3:eu-west-1:123456789012:accesspoint:shop/runs/", "s3://bucket/run=1/a:b@c/100%/ü/"),
    *("/data/run", "/data//run/", "data/run", "run", "./run/", "../run", "~/run", "/", "s3/run", "files/run", "gs"),
    *("/data/my run/", "/data/kids' photos/", "run-12:30/", "/data/Ünï/写真", "/data/a\u202fb.png", "sample"),
    *("file:///data/run/", "file:///data/my%20run/", "file://localhost/data", "file:///data/a%3Fb"),
)

NOT_MEANT = {
    "": "is empty",
    " ": "begins or ends with a blank",
    " s3://bucket/run/": "begins or ends with a blank",
    "s3://bucket/run/ ": "begins or ends with a blank",
    "/data/run\n": "begins or ends with a blank or a line break",
    "\ufeffs3://bucket/run/": "begins or ends with a blank",
    "s3://bucket/run\u00a0": "begins or ends with a blank",
    '"s3://bucket/run/"': "has quotes around it",
    "'/data/run'": "has quotes around it",
    "`run`": "has quotes around it",
    "\u201cs3://bucket/run/\u201d": "has quotes around it",
    '"/data/run': "has quotes around it",
    's3://bucket/run/"': "has quotes around it",
    "s3://bucket/a\nb/": "has a line break or a control character in it",
    "/data/a\tb/": "has a line break or a control character in it",
    "/data/a\x00b": "has a line break or a control character in it",
    "/data/a\u2028b": "has a line break or a control character in it",
    "s3://bucket/\udce9/": "is no UTF-8",
    "/data/\udcff": "is no UTF-8",
    "s3://bucket/ run/": "has a blank beside a slash",
    "/data /run/": "has a blank beside a slash",
    "$OUTPUT/run/": "has a variable in it, which nothing has replaced",
    "s3://bucket/${RUN}/": "has a variable in it, which nothing has replaced",
    "/data/$(RUN)/": "has a variable in it, which nothing has replaced",
    "s3://": "names no bucket",
    "s3:///run/": "names no bucket",
    "s3://$BUCKET/run/": "names no bucket",
    "s3://a bucket/run/": "names no bucket",
    "s3://localhost:9000/bucket/run/": "names no bucket",
    "s3://s3://bucket/run/": "names no bucket",
    "s3://b\u00fccket/run/": "names no bucket",
    "s3//bucket/run/": "looks like a URI and is none",
    "s3:bucket/run/": "looks like a URI and is none",
    "s3;//bucket/run/": "looks like a URI and is none",
    "s3 ://bucket/run/": "looks like a URI and is none",
    "S3//bucket/run/": "looks like a URI and is none",
    "s3a//bucket/run/": "looks like a URI and is none",
    "file//data/run/": "looks like a URI and is none",
    "file:data/run/": "looks like a URI and is none",
    "https//host/x.zip": "looks like a URI and is none",
    "arn:aws:s3:::bucket/run/": "looks like a URI and is none",
    "/s3://bucket/run/": "looks like a URI and is none",
    "=s3://bucket/run/": "looks like a URI and is none",
    "<s3://bucket/run/>": "looks like a URI and is none",
    "OUTPUT_URI=s3://bucket/run/": "looks like a URI and is none",
    "s3:/bucket/run/": "has the scheme s3",
    "S3://bucket/run/": "has the scheme S3",
    "s3a://bucket/run/": "has the scheme s3a",
    "gs://bucket/run/": "has the scheme gs",
    "https://host/x.zip": "has the scheme https",
    "file:/data/run/": "has the scheme file",
    "FILE:///data/run/": "has the scheme FILE",
    "C:/photos": "has the scheme C",
    "file://host/data/": "names no path of this machine",
    "file://data": "names no path of this machine",
    "file://": "names no path of this machine",
    "file://[data/": "names no path of this machine",
    "file:///data/run#1/": "has a ? or # in it",
    "file:///data/run?x=1": "has a ? or # in it",
    "file:///data/caf%E9/": "is no UTF-8",
    "file:///data/a%00b": "has a line break or a control character in it",
    "~nobody-at-all/run/": "is in the home of a user who has none",
}


@pytest.mark.parametrize("text", MEANT)
def test_what_is_meant_is_read(text: str) -> None:
    """URIs of both schemes and any plain path are taken as they stand."""
    assert check_uri(text) == text
    assert open_storage(split_uri(text)[0])


@pytest.mark.parametrize("text", NOT_MEANT, ids=ascii)
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    """It never becomes a folder's name: one printable sentence says what is wrong and what is allowed."""
    with pytest.raises(ValueError, match=re.escape(NOT_MEANT[text])) as refusal:
        check_uri(text)
    assert "; allowed are s3://bucket/prefix/, file:///folder/" in str(refusal.value) or "%3F" in str(refusal.value)
    with pytest.raises(StorageError) as error:
        open_storage(text)
    assert str(error.value) == f"{shown(text)} cannot be used: {refusal.value}"
    assert str(error.value).isprintable()


@pytest.mark.parametrize("text", ["s3://bucket/cache/", "file:///cache", "s3//cache", "gs://cache", '"/cache"', ""])
def test_a_path_is_no_uri(text: str) -> None:
    """Where only a path is allowed, a URI is refused rather than made a folder."""
    with pytest.raises(ValueError, match="allowed are paths of this machine"):
        check_path(text)
    assert check_path("/data/my cache") == "/data/my cache"


@pytest.mark.parametrize("text", ["", '"id"', "'id'", "id ", "\tid", "i\nd", "i\udcffd", "$COLUMN"])
def test_a_name_is_written_plainly(text: str) -> None:
    """A name has no quotes or blanks around it, and nothing in it that cannot be printed; blanks within are its own."""
    with pytest.raises(ValueError, match="allowed are columns"):
        check_text(text, "columns")
    assert check_text("sub category / style", "columns") == "sub category / style"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("s3//bucket", "s3//bucket"),
        ('"run"', '"run"'),
        (" run", "' run'"),
        ("", "''"),
        ("a\nb", r"'a\nb'"),
        ("a\udcffb", r"'a\udcffb'"),
        ("s3://AKIAMADEUP:made/up+secret@bucket/run/", "s3://***bucket/run/"),
        ("s3://bucket/a:b@c/", "s3://bucket/a:b@c/"),
        ("https://host/x.zip?X-Amz-Signature=made-up&X-Amz-Security-Token=made-up", "https://host/x.zip?***"),
        ("https://user:made-up@host/x.zip\n", "'https://***host/x.zip\\n'"),
    ],
)
def test_a_refused_text_is_shown_in_one_line_without_what_is_secret(text: str, printed: str) -> None:
    """Blanks and what cannot be printed are seen, passwords and signatures are not."""
    assert shown(text) == printed
