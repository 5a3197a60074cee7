"""Which file systems are warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.store.file_systems import network_file_system

MOUNTS = """\
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
40 27 0:35 / /mnt/share rw,relatime - nfs4 server:/export rw,vers=4.2
41 27 0:36 / /mnt/with\\040blank rw - cifs //server/share rw
42 40 254:1 / /mnt/share/local rw - xfs /dev/vdb rw
43 27 0:40 / /mnt/bucket rw - fuse.s3fs s3fs rw
44 27 0:41 / /srv rw - ext4 /dev/vdc rw
45 44 0:42 / /srv rw - 9p host rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/syncd.db", None),
        ("/mnt/share/syncd/syncd.db", "nfs4"),
        ("/mnt/sharesyncd.db", None),
        ("/mnt/with blank/syncd.db", "cifs"),
        ("/mnt/share/local/syncd.db", None),
        ("/mnt/bucket/syncd.db", "fuse.s3fs"),
        ("/srv/syncd.db", "9p"),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(tmp_path: Path, path: str, kind: str | None) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert network_file_system(Path(path), mounts) == kind


def test_where_nobody_can_tell_nothing_is_said(tmp_path: Path) -> None:
    assert network_file_system(Path("/mnt/share/syncd.db"), tmp_path / "none") is None
