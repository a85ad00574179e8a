--- Base images that nobody changes or removes by mistake.
---
---     moonsnap import --label base=stable debian-12 rootfs.tar
---     moonsnap label debian-12 base=          lets go of it again, as root
---
--- Only root may set the label, change it or take it away, and what carries it cannot be removed or collected.

labels {
    label.protect { "base", peer = { uid = 0 }, snapshot = true },
    label.require { "base", verbs = { "import", "commit" }, update = false, key = "base/*",
        one_of = { "stable", "testing" } },
}

hook {
    "only-on-bases",
    on = { "prepare", "view" },
    match = "namespace==production",
    run = function(request)
        local parent = request.parent ~= "" and store.stat(request.parent)
        while parent and not parent.labels.base do
            parent = parent.parent ~= "" and store.stat(parent.parent)
        end
        if not parent then
            return deny("permission_denied", "production stands on base images only")
        end
    end,
}

retention {
    rule { "bases", match = "labels.base", keep = { label = { base = "*" } } },
}
