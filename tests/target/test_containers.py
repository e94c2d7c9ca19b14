"""How to get into a container, read from faked trees: no container runtime takes part here. The
control groups are laid out as Docker, Podman, containerd and the kubelet name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodemem.target import containers

ID = "3f" * 32
OUTER = "a0" * 32
POD = "0b9d7c52-7f9c-4c0e-8d1f-3c9c0a4e2f11"
SLICE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}"


def lay(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    lay(tmp_path / "self", cgroup="0::/user.slice/session-1.scope\n")
    return tmp_path


def put(proc: Path, group: str, **files: str) -> None:
    status = "Name:\tnode\nNSpid:\t4242\t19\t7\n"
    lay(proc / "4242", cgroup=f"12:pids:/x\n0::{group}\n", status=status, **files)


@pytest.mark.parametrize(
    ("group", "tool"),
    [
        (f"/docker/{ID}", "docker"),
        (f"/system.slice/docker-{ID}.scope", "docker"),
        (f"/system.slice/docker-{ID}.scope/init.scope", "docker"),
        (f"/machine.slice/libpod-{ID}.scope/container", "podman"),
        (f"/libpod_parent/libpod-{ID}", "podman"),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", "podman"),
        (f"/system.slice/nerdctl-{ID}.scope", "nerdctl"),
    ],
)
def test_the_tool_that_knows_it(proc: Path, group: str, tool: str) -> None:
    put(proc, group)
    assert containers.find(4242, proc=proc) == containers.Container(ID, tool)
    said = containers.way_in(4242, proc=proc)
    assert said == f"{tool} exec -it {ID[:12]} nodemem usage 7"


@pytest.mark.parametrize(
    "group",
    [
        f"{SLICE}.slice/cri-containerd-{ID}.scope",
        f"{SLICE}.slice/crio-{ID}.scope",
        f"/kubepods/burstable/pod{POD}/{ID}",
        f"/docker/{OUTER}/kubelet/kubepods/burstable/pod{POD}/{ID}",
    ],
)
def test_kubernetes_by_the_log_of_the_container(proc: Path, tmp_path: Path, group: str) -> None:
    put(proc, group)
    lay(tmp_path / "logs", **{f"web-5d7_shop_app-{ID}.log": "", f"web-5d7_shop_x-{OUTER}.log": ""})
    said = containers.way_in(4242, proc=proc, logs=tmp_path / "logs")
    assert said.startswith("kubectl debug -it web-5d7 -n shop --target=app ")
    assert said.endswith("nodemem usage 7'")


def test_kubernetes_from_within_the_container(proc: Path, tmp_path: Path) -> None:
    mount = f"99 1 8:1 /var/lib/kubelet/pods/{POD}/containers/app/1f2e /dev/termination-log rw - x"
    group = f"{SLICE}.slice/crio-{ID}.scope"
    put(proc, group, mountinfo=mount, environ="A=1\0HOSTNAME=web-5d7\0")
    said = containers.way_in(4242, proc=proc, logs=tmp_path / "none")
    assert "web-5d7 -n NAMESPACE --target=app" in said


def test_names_that_a_container_makes_up_do_not_become_commands(proc: Path, tmp_path: Path) -> None:
    mount = f"9 1 8:1 /pods/{POD}/containers/$(reboot)/1f2e /dev/termination-log rw - x"
    put(proc, f"/kubepods/pod{POD}/{ID}", mountinfo=mount, environ="HOSTNAME=a;reboot\0")
    said = containers.way_in(4242, proc=proc, logs=tmp_path / "none")
    assert "-it POD -n NAMESPACE --target=CONTAINER" in said


@pytest.mark.parametrize(
    "group", ["/", "/user.slice/session-2.scope", "/lxc/web", f"/{ID}", f"/x/crio-conmon-{ID}"]
)
def test_what_no_tool_is_known_for(proc: Path, group: str) -> None:
    put(proc, group)
    said = containers.way_in(4242, proc=proc)
    assert said == "sudo nsenter --target 4242 --net nodemem usage 4242"


def test_our_own_container_is_none(proc: Path) -> None:
    put(proc, f"/docker/{ID}")
    lay(proc / "self", cgroup=f"0::/docker/{ID}/sub\n")
    assert containers.find(4242, proc=proc) is None
