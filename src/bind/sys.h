/* sys.h - moonsnap.sys: what this process may do, and entering user namespaces.
 *
 *     in_initial_user_namespace()    boolean
 *     can_mount()                    boolean: may this process mount here
 *     enter_user_namespace()         true, or nil, err: become root of a namespace of one's own
 *     enter_mount_namespace()        true, or nil, err: mounts end with the process
 *     attach_way()                   "fd" (new mount API) or "classic"
 *     pid(), random()                what makes a throw-away key
 *     steady(), now()                seconds of a steady clock; nanoseconds since 1970
 *     pidfd(pid)                     what is readable once that process has ended, see pidfd.c
 *     listen(path), listen_fds(), notify(text)   sockets to serve on, see listen.h
 */
#pragma once

#include <lua.h>

/* Adds pidfd to the table on top. */
void ms_pidfd_add(lua_State *L);

/* Pushes the table. */
void ms_sys_push(lua_State *L);
