"""Archives as other systems make them: read like any other, or refused by what is the matter."""

import gzip
import io
import os
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from job.catalogue.catalogue import Catalogue
from job.errors import CatalogueError
from job.records.dataset import QuarantineKind
from tests.catalogue.test_catalogue import WRITERS, load, reasons
from tests.seaweed import Seaweed
from tests.tiny import HEADER, photo, row, tiny_files, write_folder, write_tar, write_zip


def fingerprint(tmp_path: Path) -> str:
    return load(write_folder(tmp_path / "plain", tiny_files()), tmp_path / "plain-cache").fingerprint


def halves() -> tuple[dict[str, bytes], dict[str, bytes]]:
    files = tiny_files()
    names = sorted(files)
    return {name: files[name] for name in names[::2]}, {name: files[name] for name in names[1::2]}


def tar_bytes(files: dict[str, bytes], path: Path) -> bytes:
    return write_tar(path, files).read_bytes()


def with_links(path: Path, link: Callable[[tarfile.TarInfo, str], None]) -> Path:
    """Write a tar in which every second photo is a link to the one before it, of another id and the same class."""
    first = ""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, content in tiny_files().items():
            member = tarfile.TarInfo(f"./{name}")
            if name.endswith("jpg") and int(name[-5]) % 2:
                link(member, first)
                archive.addfile(member)
            else:
                member.size, first = len(content), member.name
                archive.addfile(member, io.BytesIO(content))
    return path


def hard(member: tarfile.TarInfo, target: str) -> None:
    member.type, member.linkname = tarfile.LNKTYPE, target


def symbolic(member: tarfile.TarInfo, target: str) -> None:
    member.type, member.linkname = tarfile.SYMTYPE, target


@pytest.mark.parametrize("prefix", ["", "fashion\\", "fashion/", ".\\"])
@pytest.mark.parametrize("write", [write_zip, write_tar, write_folder])
def test_names_with_backslashes_are_paths(tmp_path: Path, write: Callable[..., Path], prefix: str) -> None:
    r"""A zip made by PowerShell 5 has `images\1.jpg`; unpacked or sent to a bucket as it is, so has a folder."""
    files = {prefix + name.replace("/", "\\"): content for name, content in tiny_files().items()}
    names = {write_zip: "c.zip", write_tar: "c.tar", write_folder: "c"}
    path = write(tmp_path / names[write], files)
    assert load(path, tmp_path / "cache").fingerprint == fingerprint(tmp_path)


def test_an_id_with_a_backslash_is_still_an_id(tmp_path: Path) -> None:
    """Where a backslash stands in a name beside others in images/, it is a part of the id."""
    files = tiny_files() | {"images/a\\b.jpg": photo(0, 77)}
    files["styles.csv"] += row("a\\b", "Bags").encode() + b"\n"
    assert "a\\b" in load(write_zip(tmp_path / "c.zip", files), tmp_path / "cache").ids


@pytest.mark.parametrize("name", ["c.tar", "c.tar.gz"])
def test_hard_links_are_read(tmp_path: Path, name: str) -> None:
    """A photo that a tar holds as a hard link is the photo that it links to."""
    catalogue = load(with_links(tmp_path / name, hard), tmp_path / "cache")
    assert (len(catalogue.ids), catalogue.dataset.quarantined) == (60, [])
    assert catalogue.dataset.duplicate_groups == 30
    assert dict(zip(catalogue.ids, catalogue.pixel_hashes, strict=True))["1001"] == catalogue.pixel_hashes[0]


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    """A hard link whose target is not before it, and a symbolic link, are quarantined with their reasons."""
    files = tiny_files()
    table = files.pop("styles.csv") + f"{row('a', 'Bags')}\n{row('b', 'Bags')}\n".encode()
    path = write_tar(tmp_path / "c.tar", files | {"styles.csv": table})
    with tarfile.open(path, "a") as archive:
        for name, link, target in (("a", hard, "images/none.jpg"), ("b", symbolic, "images/1000.jpg")):
            member = tarfile.TarInfo(f"images/{name}.jpg")
            link(member, target)
            archive.addfile(member)
    assert reasons(load(path, tmp_path / "cache")) == {
        "a": "photo is a hard link to a file that is not before it in the archive",
        "b": "photo is a symbolic link, which is never followed; put the file itself into the archive",
    }


def test_a_symbolic_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    """What stands in a zip for a link is its target's name and no photo."""
    files = tiny_files()
    files["styles.csv"] += row("a", "Bags").encode() + b"\n"
    path = write_zip(tmp_path / "c.zip", files)
    link = zipfile.ZipInfo("images/a.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "1000.jpg")
    assert "symbolic link" in reasons(load(path, tmp_path / "cache"))["a"]


def joined_tar(path: Path, first: bytes, second: bytes) -> Path:
    path.write_bytes(first + second)
    return path


def joined_gzips(path: Path, first: bytes, second: bytes) -> Path:
    path.write_bytes(gzip.compress(first) + gzip.compress(second))
    return path


def gzip_of_joined(path: Path, first: bytes, second: bytes) -> Path:
    path.write_bytes(gzip.compress(first + second))
    return path


JOINED = [("c.tar", joined_tar), ("c.tar.gz", joined_gzips), ("d.tar.gz", gzip_of_joined)]


@pytest.mark.parametrize(("name", "join"), JOINED)
def test_joined_tars_are_read_as_one(tmp_path: Path, name: str, join: Callable[[Path, bytes, bytes], Path]) -> None:
    """`cat a.tar b.tar` is what tar reads with -i; no photo of the second one is lost."""
    first, second = (tar_bytes(files, tmp_path / "half.tar") for files in halves())
    path = join(tmp_path / name, first, second)
    assert load(path, tmp_path / "cache").fingerprint == fingerprint(tmp_path)


@pytest.mark.parametrize(("name", "join"), JOINED)
def test_a_damaged_second_tar_is_not_passed_over(
    tmp_path: Path, name: str, join: Callable[[Path, bytes, bytes], Path]
) -> None:
    """Of joined tars each must be whole: one whose first header is damaged, and one that is cut off, are found."""
    first, second = (tar_bytes(files, tmp_path / "half.tar") for files in halves())
    damaged = b"\x07" * 200 + second[200:]
    for other in (damaged, second[: len(second) // 2], b"something else" * 50):
        with pytest.raises(CatalogueError, match="is not a whole tar archive"):
            load(join(tmp_path / name, first, other), tmp_path / "cache")


def test_joined_zips_are_refused_by_name(tmp_path: Path) -> None:
    """Of joined zips every reader sees the last alone, so the others would be lost without a word."""
    files = tiny_files()
    first = write_zip(tmp_path / "a.zip", files).read_bytes()
    path = tmp_path / "c.zip"
    for other in (first, tar_bytes(files, tmp_path / "a.tar"), write_tar(tmp_path / "a.tar.gz", files).read_bytes()):
        path.write_bytes(other + first)
        with pytest.raises(CatalogueError, match=r"c\.zip is several archives joined into one"):
            load(path, tmp_path / "cache")
    path.write_bytes(b"#!a program that unpacks what follows\n" * 9 + first)
    assert load(path, tmp_path / "cache").fingerprint == fingerprint(tmp_path)


def test_several_tables_of_one_name_are_refused_unless_they_are_the_same(tmp_path: Path) -> None:
    """Joined archives may each have the whole table; two tables with other rows are an error."""
    files = tiny_files()
    path = joined_tar(tmp_path / "c.tar", *(tar_bytes(files, tmp_path / "half.tar") for _ in range(2)))
    catalogue = load(path, tmp_path / "cache")
    assert catalogue.fingerprint == fingerprint(tmp_path)
    assert {item.kind for item in catalogue.dataset.quarantined} == {QuarantineKind.SECOND_MEMBER}
    assert len(catalogue.dataset.quarantined) == 60
    other = files | {"styles.csv": f"{HEADER}\n{row('1000', 'Bags')}\n".encode()}
    path = joined_tar(path, *(tar_bytes(each, tmp_path / "half.tar") for each in (files, other)))
    with pytest.raises(CatalogueError, match=r"styles\.csv is there 2 times, each with other rows"):
        load(path, tmp_path / "cache")


@pytest.mark.parametrize("name", ["c.zip", "c.tar"])
def test_of_photos_with_one_name_the_last_counts(tmp_path: Path, name: str) -> None:
    """As it does to those who unpack the archive, whatever its kind."""
    again = photo(0, 99_999)
    path = WRITERS[name](tmp_path / name, tiny_files())
    if name == "c.zip":
        with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("images/1000.jpg", again)
    else:
        path.write_bytes(path.read_bytes() + tar_bytes({"images/1000.jpg": again}, tmp_path / "more.tar"))
    newer = load(write_folder(tmp_path / "c", tiny_files() | {"images/1000.jpg": again}), tmp_path / "folder-cache")
    assert load(path, tmp_path / "cache").fingerprint == newer.fingerprint


def encrypted(path: Path, prefix: str) -> Path:
    """Write a zip that says of its members whose names begin so that they are encrypted."""
    data = bytearray(write_zip(path, tiny_files()).read_bytes())
    for mark, flags, name in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        at = data.find(mark)
        while at >= 0:
            if data[at + name :].startswith(prefix.encode()):
                data[at + flags] |= 1
            at = data.find(mark, at + 4)
    path.write_bytes(data)
    return path


def packed_by(path: Path, method: int, prefix: str) -> Path:
    data = bytearray(write_zip(path, tiny_files()).read_bytes())
    for mark, at_method, name in ((b"PK\x03\x04", 8, 30), (b"PK\x01\x02", 10, 46)):
        at = data.find(mark)
        while at >= 0:
            if data[at + name :].startswith(prefix.encode()):
                data[at + at_method : at + at_method + 2] = method.to_bytes(2, "little")
            at = data.find(mark, at + 4)
    path.write_bytes(data)
    return path


ENCRYPTED = "is encrypted, and no password is asked for; make the archive without a password"


@pytest.mark.parametrize("prefix", ["", "styles", "images/"])
def test_a_zip_with_a_password_is_refused_by_that(tmp_path: Path, prefix: str) -> None:
    """Whether the table or the photos are encrypted, the error says so and what to do."""
    with pytest.raises(CatalogueError, match=r"c\.zip") as error:
        load(encrypted(tmp_path / "c.zip", prefix), tmp_path / "cache")
    assert ENCRYPTED in str(error.value)


@pytest.mark.parametrize(("method", "name"), [(93, "93 (zstd)"), (9, "9 (deflate64)"), (77, "77 (unknown)")])
@pytest.mark.parametrize("prefix", ["styles", "images/"])
def test_a_method_that_is_not_read_is_named(tmp_path: Path, method: int, name: str, prefix: str) -> None:
    """A zip in zstd or deflate64 is refused by the method, with the one to use."""
    with pytest.raises(CatalogueError) as error:
        load(packed_by(tmp_path / "c.zip", method, prefix), tmp_path / "cache")
    assert f"is compressed by zip's method {name}, which is not read; make the archive with deflate" in str(error.value)


def test_one_encrypted_photo_costs_that_photo(tmp_path: Path) -> None:
    """The others are read."""
    catalogue = load(encrypted(tmp_path / "c.zip", "images/1000"), tmp_path / "cache")
    assert reasons(catalogue) == {"1000": f"photo {ENCRYPTED}"}


def with_companions() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    double = bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(140)
    for name, content in tiny_files().items():
        head, _, tail = name.rpartition("/")
        files[f"{head}/._{tail}".removeprefix("/")] = double
        files[name] = content
    files |= {"images/.DS_Store": b"view", "images/.AppleDouble/1000.jpg": double}
    return files | {"__MACOSX/images/._1000.jpg": double, "__MACOSX/._styles.csv": double}


@pytest.mark.parametrize("name", WRITERS)
def test_companions_of_macos_are_passed_over_and_counted(tmp_path: Path, name: str) -> None:
    """`._1.jpg`, `__MACOSX/` and `.DS_Store` are no photos, and each of them is no news."""
    catalogue = load(WRITERS[name](tmp_path / name, with_companions()), tmp_path / "cache")
    assert (catalogue.fingerprint, catalogue.dataset.quarantined) == (fingerprint(tmp_path), [])
    assert catalogue.dataset.companions == 65
    assert load(tmp_path / name, tmp_path / "cache").dataset.companions == 65  # from the cache


def in_both_forms() -> dict[str, bytes]:
    """Return a catalogue whose names are in NFD and whose table is in NFC, with one label in both forms."""
    files, rows = {}, [HEADER]
    for label, name in enumerate(("Gürtel", "Hüte", "Röcke")):
        for index in range(20):
            identifier = f"Größe-{label}{index:02}"
            written = name if index % 2 else unicodedata.normalize("NFD", name)
            rows.append(row(unicodedata.normalize("NFC", identifier), written))
            files[f"images/{unicodedata.normalize('NFD', identifier)}.jpg"] = photo(label, index)
    return {"styles.csv": "\n".join(rows).encode(), **files}


def unmarked_zip(path: Path, files: dict[str, bytes]) -> Path:
    """Write a zip as macOS does: names in UTF-8, which nothing in the archive says."""
    write_zip(path, files)
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + flags + 1] &= ~0x08
            at = data.find(mark, at + 4)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("name", "write"), [*WRITERS.items(), ("macos.zip", unmarked_zip)])
def test_names_and_labels_are_compared_in_one_form(tmp_path: Path, name: str, write: Callable[..., Path]) -> None:
    """What macOS has named in NFD is what a table says in NFC, and a label in both forms is one class."""
    catalogue = load(write(tmp_path / name, in_both_forms()), tmp_path / "cache")
    assert catalogue.classes == ("Gürtel", "Hüte", "Röcke")
    assert (len(catalogue.ids), catalogue.dataset.quarantined) == (60, [])
    assert all(unicodedata.is_normalized("NFC", each) for each in (*catalogue.ids, *catalogue.classes))


def odd_folder(path: Path) -> Path:
    write_folder(path, tiny_files())
    Path(os.fsdecode(os.fsencode(path) + b"/images/caf\xe9.jpg")).write_bytes(photo(0, 77))
    return path


def odd_tar(path: Path) -> Path:
    write_tar(path, tiny_files())
    with tarfile.open(path, "a", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo("images/café.jpg")
        member.size = len(photo(0, 77))
        archive.addfile(member, io.BytesIO(photo(0, 77)))
    return path


def odd_zip(path: Path) -> Path:
    write_zip(path, tiny_files() | {"images/cafX.jpg": photo(0, 77)})
    path.write_bytes(path.read_bytes().replace(b"cafX", b"caf\xe9"))
    return path


def odd_marked_zip(path: Path) -> Path:
    """Write a zip that says of a name that it is UTF-8, which it is not."""
    write_zip(path, tiny_files() | {"images/cafëë.jpg": photo(0, 77)})
    path.write_bytes(path.read_bytes().replace("ëë".encode(), b"\xe9\xe9\xe9\xe9"))
    return path


@pytest.mark.parametrize(
    ("name", "write", "shown"),
    [
        ("c", odd_folder, r"caf\xe9"),
        ("c.tar", odd_tar, r"caf\xe9"),
        ("c.zip", odd_zip, "cafΘ"),
        ("marked.zip", odd_marked_zip, "cafΘΘΘΘ"),
    ],
)
def test_a_name_that_is_no_utf8_is_quarantined_in_print(
    tmp_path: Path, name: str, write: Callable[[Path], Path], shown: str
) -> None:
    """One stray file costs nothing, and what is said of it can be written down anywhere."""
    catalogue = load(write(tmp_path / name), tmp_path / "cache")
    assert reasons(catalogue) == {shown: "photo without a row in styles.csv"}
    assert catalogue.fingerprint == fingerprint(tmp_path)


def test_a_prefix_with_names_of_other_systems(
    tmp_path: Path, seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of a bucket in NFD, with backslashes and beside companions are read as files of a folder are."""
    for name, value in seaweed.environment(readonly=True).items():
        monkeypatch.setenv(name, value)
    files = in_both_forms()
    expected = load(write_folder(tmp_path / "c", files), tmp_path / "folder-cache")

    def from_bucket(files: dict[str, bytes]) -> Catalogue:
        bucket = seaweed.new_bucket()
        for key, content in files.items():
            seaweed.put(bucket, f"c/{key}", content)
        return load(f"s3://{bucket}/c/", tmp_path / "cache")

    found = from_bucket(files | {"images/._x.jpg": b"companion", "__MACOSX/._styles.csv": b"companion"})
    assert (found.fingerprint, found.dataset.quarantined) == (expected.fingerprint, [])
    backslashes = {name.replace("/", "\\"): content for name, content in tiny_files(5).items()}
    assert len(from_bucket(backslashes).ids) == 15
