--- Several tenants in one store: names say whose a snapshot is, and nobody holds more than his share.
---
---     moonsnap prepare --label tenant=blue blue/build-17 base
---
--- Counted is what stands in the store while the request runs, other requests of the same moment included: of sixty
--- that come at once for the last ten places ten pass.

local most = option("snapshots", { type = "integer", default = 100, min = 1, doc = "snapshots that a tenant may have" })
local bytes = option("bytes", { type = "size", default = "20GiB", doc = "what a tenant's committed layers may hold" })

local MADE = { "prepare", "view", "commit", "import" }

labels {
    label.require { "tenant", verbs = MADE, pattern = "^[a-z][a-z0-9-]*$" },
    label.protect { "tenant", verbs = { "update" }, doors = {}, text = "a snapshot stays its tenant's" }, -- by no door
}

hook {
    "names",
    on = MADE,
    phase = "validate",
    run = function(request)
        local name = request.name or request.key
        local owner = name:match("^([a-z0-9-]+)/[A-Za-z0-9._-]+$")
        if owner ~= request.labels.tenant then
            return deny("invalid_argument", ("'%s': a name of tenant '%s' is %s/NAME")
                :format(name, request.labels.tenant, request.labels.tenant))
        end
        local before = request.current and request.current.labels.tenant -- of a commit, the active's
        if before and before ~= owner then
            return deny("permission_denied", ("'%s' is tenant '%s''s"):format(request.key, before))
        end
    end,
}

hook {
    "quota",
    on = { "prepare", "view", "import" },
    run = function(request)
        local tenant = request.labels.tenant
        local mine = { ["labels.tenant"] = tenant }
        if store.count(mine) >= most then
            return deny("resource_exhausted", ("tenant '%s' has its %d snapshots"):format(tenant, most))
        end
        if store.usage(mine).size >= bytes then
            return deny("resource_exhausted", ("tenant '%s' holds its %d bytes"):format(tenant, bytes))
        end
    end,
}
