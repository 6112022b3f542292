/* All functions of preview 1: WASI_DECLARE(name) or WASI_FUNCTION(name, signature, never_waits) for
 * each. Included more than once. */
#ifndef WASI_FUNCTION
#define WASI_FUNCTION(name, signature, never_waits) WASI_DECLARE(name)
#define WASI_FUNCTION_UNDEF
#endif

WASI_FUNCTION(args_get, "ii:i", true)
WASI_FUNCTION(args_sizes_get, "ii:i", true)
WASI_FUNCTION(environ_get, "ii:i", true)
WASI_FUNCTION(environ_sizes_get, "ii:i", true)
WASI_FUNCTION(clock_res_get, "ii:i", true)
WASI_FUNCTION(clock_time_get, "iIi:i", true)
WASI_FUNCTION(fd_advise, "iIIi:i", true)
WASI_FUNCTION(fd_allocate, "iII:i", true)
WASI_FUNCTION(fd_close, "i:i", true)
WASI_FUNCTION(fd_datasync, "i:i", true)
WASI_FUNCTION(fd_fdstat_get, "ii:i", true)
WASI_FUNCTION(fd_fdstat_set_flags, "ii:i", true)
WASI_FUNCTION(fd_fdstat_set_rights, "iII:i", true)
WASI_FUNCTION(fd_filestat_get, "ii:i", true)
WASI_FUNCTION(fd_filestat_set_size, "iI:i", true)
WASI_FUNCTION(fd_filestat_set_times, "iIIi:i", true)
WASI_FUNCTION(fd_pread, "iiiIi:i", false)
WASI_FUNCTION(fd_prestat_get, "ii:i", true)
WASI_FUNCTION(fd_prestat_dir_name, "iii:i", true)
WASI_FUNCTION(fd_pwrite, "iiiIi:i", false)
WASI_FUNCTION(fd_read, "iiii:i", false)
WASI_FUNCTION(fd_readdir, "iiiIi:i", false)
WASI_FUNCTION(fd_renumber, "ii:i", true)
WASI_FUNCTION(fd_seek, "iIii:i", true)
WASI_FUNCTION(fd_sync, "i:i", true)
WASI_FUNCTION(fd_tell, "ii:i", true)
WASI_FUNCTION(fd_write, "iiii:i", false)
WASI_FUNCTION(path_create_directory, "iii:i", true)
WASI_FUNCTION(path_filestat_get, "iiiii:i", true)
WASI_FUNCTION(path_filestat_set_times, "iiiiIIi:i", true)
WASI_FUNCTION(path_link, "iiiiiii:i", true)
WASI_FUNCTION(path_open, "iiiiiIIii:i", true)
WASI_FUNCTION(path_readlink, "iiiiii:i", true)
WASI_FUNCTION(path_remove_directory, "iii:i", true)
WASI_FUNCTION(path_rename, "iiiiii:i", true)
WASI_FUNCTION(path_symlink, "iiiii:i", true)
WASI_FUNCTION(path_unlink_file, "iii:i", true)
WASI_FUNCTION(poll_oneoff, "iiii:i", false)
WASI_FUNCTION(proc_exit, "i:", false)
WASI_FUNCTION(proc_raise, "i:i", false)
WASI_FUNCTION(sched_yield, ":i", false)
WASI_FUNCTION(random_get, "ii:i", false)
WASI_FUNCTION(sock_recv, "iiiiii:i", false)
WASI_FUNCTION(sock_send, "iiiii:i", false)
WASI_FUNCTION(sock_shutdown, "ii:i", true)
#ifndef WASI_SNAPSHOT_0
WASI_FUNCTION(sock_accept, "iii:i", false)
#endif

#ifdef WASI_FUNCTION_UNDEF
#undef WASI_FUNCTION
#undef WASI_FUNCTION_UNDEF
#endif
