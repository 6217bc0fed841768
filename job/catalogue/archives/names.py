"""Names of an archive's members. Nothing is extracted, and no name out of an archive ever becomes a path."""

from job.errors import CatalogueError


def safe_name(name: str, uri: str) -> str:
    """Return a member's name without a leading `./`; raises CatalogueError for one that points outside."""
    if (".." in name or ":" in name or name.startswith(("/", "\\"))) and _points_outside(name):
        message = f"{uri} has a member named {name!r}, which points outside of it; such an archive is not read"
        raise CatalogueError(message)
    return name.removeprefix("./")


def _points_outside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or not parts[0] or ":" in parts[0]
