--- Layers that are there already: containerd asks for one, is told that it exists, and fetches nothing.
---
---     moonsnap -n containerd import --label seed=yes --label containerd.io/snapshot.ref=CHAINID CHAINID layer.tar
---
--- Seeds are committed snapshots named by their chain id, imported parent first; the label is what containerd looks
--- for. Its collector, which removes whatever it does not know, is refused.

labels {
    label.protect { "seed", peer = { uid = 0 }, doors = { "command", "module" }, snapshot = true },
}

hook {
    "seeds",
    on = "prepare",
    match = 'labels."containerd.io/snapshot.ref"',
    effects = { "exists" },
    run = function(request) return exists(request.labels["containerd.io/snapshot.ref"]) end,
}
