"""Where a SQLite file lies: on a network file system its shared memory and its locks cannot be trusted."""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
REMOTE = frozenset(
    "9p afs beegfs ceph cifs davfs gfs2 glusterfs gpfs lustre nfs nfs4 ocfs2 smb2 smb3 smbfs "
    "fuse.ceph-fuse fuse.gcsfuse fuse.glusterfs fuse.juicefs fuse.rclone fuse.s3fs fuse.sshfs".split()
)


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of network file system that holds `path`, such as `nfs4`; None for a local one, or where nobody can tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    holding = [(point, kind) for point, kind in map(_mount, lines) if path.resolve().is_relative_to(point)]
    # of two on one place the later one covers the earlier
    _, kind = max(enumerate(holding), key=lambda one: (len(one[1][0]), one[0]), default=(0, ("", "")))[1]
    return kind if kind in REMOTE else None


def network_warning(path: Path) -> str:
    """A sentence for the operator; empty when there is nothing to warn of."""
    kind = network_file_system(path)
    return (
        f"{path} lies on a network file system ({kind}): SQLite needs a disk of this machine, or use PostgreSQL"
        if kind
        else ""
    )


def _mount(line: str) -> tuple[str, str]:
    """Mount point and kind: `36 35 98:0 /root /point options - kind source options` (proc_pid_mountinfo(5)). Blanks are `\\040`."""
    head, _, tail = line.partition(" - ")
    point = head.split(" ")[4].encode().decode("unicode_escape")
    return point, tail.partition(" ")[0]
