--- An OCI image made on the spot: layers that hold what file systems and tars can say, as an archive that
--- `ctr images import` reads.
local json = require "dkjson"
local process = require "spec.support.process"
local tar = require "spec.support.tar"
local tree = require "spec.support.tree"

local M = {}

-- cap_net_raw+ep: revision 2, effective, two words of permitted and inheritable
local CAPABILITY = "\1\0\0\2\0\32\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

local function linked(name, to, mode)
    return { name, kind = "1", link = to, mode = mode }
end

--- A program that is busybox under another name.
local function applet(name)
    return linked("bin/" .. name, "bin/busybox", 493)
end

--- The first layer: a system that runs, and things for the next layers to change.
local function base()
    return {
        { "bin/" }, { "bin/busybox", tree.read("/bin/busybox"), mode = 493 },
        applet "sh", applet "cat", applet "sleep", applet "ls", applet "touch",
        { "etc/" }, { "etc/motd", "hello\n" }, { "etc/old", "old\n", mtime = 1111111111 },
        { "etc/passwd", "root:x:0:0:root:/:/bin/sh\n" }, { "etc/group", "root:x:0:\n" },
        { "proc/" }, { "sys/" }, { "dev/" }, { "tmp/", mode = 1023 }, { "root/", mode = 448 },
        { "usr/" }, { "usr/suid", "s", mode = 2541, uid = 0 }, { "usr/sgid", "g", mode = 1517, gid = 5 },
        { "usr/ping", "p", mode = 493, pax = { ["SCHILY.xattr.security.capability"] = CAPABILITY } },
        { "usr/noted", "n", pax = { ["SCHILY.xattr.user.colour"] = "red" } },
        { "home/" }, { "home/user/", mode = 448, uid = 1000, gid = 1000 },
        { "home/user/file", "mine\n", uid = 1000, gid = 1000, pax = { mtime = "1234567890.987654321" } },
        { "home/user/" .. ("long"):rep(20), "long\n" }, { "home/link", kind = "2", link = "user/file" },
        { "home/pipe", kind = "6" }, { "home/null", kind = "3", major = 1, minor = 3 },
        { "home/umlaut \xc3\xa4 and \"blank\"", "u" },
        { "gone/" }, { "gone/file", "gone\n" }, { "gone/dir/" }, { "gone/dir/file", "gone\n" },
        { "opaque/" }, { "opaque/old", "old\n" }, { "opaque/dir/" }, { "opaque/dir/old", "old\n" },
        { "swap/" }, { "swap/file", "file\n" }, { "swap/dir/" }, { "swap/dir/file", "file\n" },
        { "twins/" }, { "twins/a", "twin\n" }, linked("twins/b", "twins/a"),
    }
end

--- Takes away, hides, replaces and links to what lies below.
local function changes()
    return {
        { "gone/" }, { "gone/.wh.file" }, { "gone/.wh.dir" },
        { "opaque/", mode = 448 }, { "opaque/.wh..wh..opq" }, { "opaque/new", "new\n" },
        { "swap/" }, { "swap/file/" }, { "swap/file/inside", "inside\n" }, { "swap/dir", "a file now\n" },
        { "etc/" }, { "etc/motd", "hello again\n", uid = 7, gid = 8 }, linked("etc/motd2", "etc/motd"),
        { "twins/" }, { "twins/a", "alone\n" },
    }
end

--- Brings back what was taken away, and changes directories alone.
local function returns()
    return {
        { "gone/" }, { "gone/dir/", mode = 511 }, { "gone/dir/other", "back\n" },
        { "home/", mode = 457, uid = 3 }, { "opaque/" }, { "opaque/dir/" }, { "opaque/dir/new", "new\n" },
        { "swap/" }, { "swap/.wh.file" },
    }
end

local function digest_of(path)
    return "sha256:" .. process.must("sha256sum", path):match("^%x+")
end

--- Stores a blob below dir and describes it.
local function blob(dir, media_type, content)
    local path = dir .. "/blob"
    tree.write(path, content)
    local digest = digest_of(path)
    tree.rename(path, ("%s/blobs/sha256/%s"):format(dir, digest:match("%x+$")))
    return { mediaType = media_type, digest = digest, size = #content }
end

--- Makes an image of these layers (entries of spec.support.tar) and answers its archive; dir is for its parts.
---@param dir string
---@param name string  "moonsnap.test/image:1"
---@param layers? table[][]
---@param annotations? table<string, string>  that its manifest gives each layer
---@return string path
function M.make(dir, name, layers, annotations)
    tree.mkdir(dir .. "/blobs/sha256")
    local function object(kind, value)
        return blob(dir, "application/vnd.oci.image." .. kind .. ".v1+json", json.encode(value))
    end
    local described, diff_ids = {}, {}
    for i, entries in ipairs(layers or { base(), changes(), returns() }) do
        described[i] = blob(dir, "application/vnd.oci.image.layer.v1.tar", tar.pack(entries))
        diff_ids[i], described[i].annotations = described[i].digest, annotations
    end
    local config = object("config", {
        architecture = process.must("dpkg", "--print-architecture"):match("%S+"), os = "linux",
        config = { Env = { "PATH=/bin" }, Cmd = { "/bin/sleep", "100000" } },
        rootfs = { type = "layers", diff_ids = diff_ids },
    })
    local manifest = object("manifest", { schemaVersion = 2, config = config, layers = described })
    manifest.annotations = { ["io.containerd.image.name"] = name }
    tree.write(dir .. "/index.json", json.encode { schemaVersion = 2, manifests = { manifest } })
    tree.write(dir .. "/oci-layout", json.encode { imageLayoutVersion = "1.0.0" })
    process.must("tar", "-C", dir, "-cf", dir .. "/image.tar", "oci-layout", "index.json", "blobs")
    return dir .. "/image.tar"
end

return M
