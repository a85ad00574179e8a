--- view KEY [PARENT]: a read-only snapshot.

local create = require "moonsnap.cli.create"

return create.verb {
    verb = "view",
    summary = "make a read-only snapshot",
    about = "Makes a read-only snapshot KEY that shows the committed PARENT.",
    more = "moonsnap view look base && moonsnap mount look /mnt",
}
