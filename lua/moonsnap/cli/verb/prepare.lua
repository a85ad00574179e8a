--- prepare KEY [PARENT]: a writable snapshot.

local create = require "moonsnap.cli.create"

return create.verb {
    verb = "prepare",
    summary = "make a writable snapshot",
    about = "Makes a writable snapshot KEY: a child of the committed PARENT, or empty without.",
    more = "moonsnap prepare work base --label project=demo",
}
