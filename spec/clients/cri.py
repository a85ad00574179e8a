"""A kubelet's part in the life of a pod, at containerd's CRI.

    cri.py SOCKET STUBS pull IMAGE
    cri.py SOCKET STUBS live IMAGE

Prints one line for each thing that it has done and seen.
"""
import sys
import time

import grpc

SOCKET, STUBS, PART, IMAGE = sys.argv[1:5]
sys.path.insert(0, STUBS)

import cri_pb2 as pb  # noqa: E402

channel = grpc.insecure_channel("unix:" + SOCKET)


def call(method, request, reply=pb.Empty):
    service = "ImageService" if "Image" in method else "RuntimeService"
    path = f"/runtime.v1.{service}/{method}"
    return channel.unary_unary(path, type(request).SerializeToString, reply.FromString)(request, timeout=60)


def until(what, seconds, look):
    """What look answers as soon as it is something; it is asked again until the deadline."""
    till = time.monotonic() + seconds
    while time.monotonic() < till:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"in {seconds} s there was no {what}")


def image():
    return call("ImageStatus", pb.ImageRequest(image={"image": IMAGE}), pb.ImageStatusResponse).image


def used():
    """What the images' file system is said to use, once the whole image has been counted."""
    systems = call("ImageFsInfo", pb.Empty(), pb.ImageFsInfoResponse).image_filesystems
    whole = systems and systems[0].used_bytes.value > 1 << 20 and systems[0].inodes_used.value > 20
    return systems[0] if whole else None


def pull():
    call("PullImage", pb.ImageRequest(image={"image": IMAGE}))
    until("image", 20, lambda: image().id)
    print("image is pulled")


def live():
    config = pb.PodSandboxConfig(metadata={"name": "pod", "uid": "1", "namespace": "default"})
    config.linux.security_context.namespace_options.network = pb.NODE
    pod = call("RunPodSandbox", pb.RunPodSandboxRequest(config=config), pb.RunPodSandboxResponse).pod_sandbox_id
    print("pod runs", flush=True)

    request = pb.CreateContainerRequest(pod_sandbox_id=pod, sandbox_config=config)
    request.config.metadata.name = "container"
    request.config.image.image = IMAGE
    request.config.command.extend(["/bin/sleep", "100000"])
    container = call("CreateContainer", request, pb.ContainerRequest).container_id
    call("StartContainer", pb.ContainerRequest(container_id=container))
    print("container runs", flush=True)

    shell = ["/bin/sh", "-c", "echo written >/home/new && cat /etc/motd /home/new"]
    result = call("ExecSync", pb.ExecSyncRequest(container_id=container, cmd=shell, timeout=20), pb.ExecSyncResponse)
    print("container says", result.exit_code, result.stdout, flush=True)

    filesystem = until("usage", 30, used)
    print("images lie in", filesystem.fs_id.mountpoint, flush=True)

    call("StopPodSandbox", pb.PodSandboxRequest(pod_sandbox_id=pod))
    call("RemoveContainer", pb.ContainerRequest(container_id=container))
    call("RemovePodSandbox", pb.PodSandboxRequest(pod_sandbox_id=pod))
    print("pod is gone", flush=True)
    call("RemoveImage", pb.ImageRequest(image={"image": IMAGE}))
    until("end of the image", 20, lambda: not image().id)
    print("image is gone", flush=True)


{"pull": pull, "live": live}[PART]()
