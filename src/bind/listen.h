/* listen.h - sockets to serve on, in moonsnap.sys.
 *
 *     listen(path)      a listener, or nil, err: a socket of mode 0600 that is listened on
 *     listen_fds()      what a service manager passed: a list of {fd, name, unix}, or nil, err
 *     notify(text)      true: told NOTIFY_SOCKET; false: nobody asked; nil, err
 *
 *     listener:take()     its descriptor, once: whoever calls closes it
 *     listener:remove()   unlinks the socket if it is still ours; true when it did
 *     listener:close()    remove, and close what was not taken
 */
#pragma once

#include <lua.h>

/* Makes the class and adds the functions to the table on top of the stack. */
void ms_listen_add(lua_State *L);
