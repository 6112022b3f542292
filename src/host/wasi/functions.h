/* All functions of preview 1: WASI_DECLARE(name) or WASI_FUNCTION(name, signature) for each.
 * Included more than once. */
#ifndef WASI_FUNCTION
#define WASI_FUNCTION(name, signature) WASI_DECLARE(name)
#define WASI_FUNCTION_UNDEF
#endif

WASI_FUNCTION(args_get, "ii:i")
WASI_FUNCTION(args_sizes_get, "ii:i")
WASI_FUNCTION(environ_get, "ii:i")
WASI_FUNCTION(environ_sizes_get, "ii:i")
WASI_FUNCTION(clock_res_get, "ii:i")
WASI_FUNCTION(clock_time_get, "iIi:i")
WASI_FUNCTION(fd_advise, "iIIi:i")
WASI_FUNCTION(fd_allocate, "iII:i")
WASI_FUNCTION(fd_close, "i:i")
WASI_FUNCTION(fd_datasync, "i:i")
WASI_FUNCTION(fd_fdstat_get, "ii:i")
WASI_FUNCTION(fd_fdstat_set_flags, "ii:i")
WASI_FUNCTION(fd_fdstat_set_rights, "iII:i")
WASI_FUNCTION(fd_filestat_get, "ii:i")
WASI_FUNCTION(fd_filestat_set_size, "iI:i")
WASI_FUNCTION(fd_filestat_set_times, "iIIi:i")
WASI_FUNCTION(fd_pread, "iiiIi:i")
WASI_FUNCTION(fd_prestat_get, "ii:i")
WASI_FUNCTION(fd_prestat_dir_name, "iii:i")
WASI_FUNCTION(fd_pwrite, "iiiIi:i")
WASI_FUNCTION(fd_read, "iiii:i")
WASI_FUNCTION(fd_readdir, "iiiIi:i")
WASI_FUNCTION(fd_renumber, "ii:i")
WASI_FUNCTION(fd_seek, "iIii:i")
WASI_FUNCTION(fd_sync, "i:i")
WASI_FUNCTION(fd_tell, "ii:i")
WASI_FUNCTION(fd_write, "iiii:i")
WASI_FUNCTION(path_create_directory, "iii:i")
WASI_FUNCTION(path_filestat_get, "iiiii:i")
WASI_FUNCTION(path_filestat_set_times, "iiiiIIi:i")
WASI_FUNCTION(path_link, "iiiiiii:i")
WASI_FUNCTION(path_open, "iiiiiIIii:i")
WASI_FUNCTION(path_readlink, "iiiiii:i")
WASI_FUNCTION(path_remove_directory, "iii:i")
WASI_FUNCTION(path_rename, "iiiiii:i")
WASI_FUNCTION(path_symlink, "iiiii:i")
WASI_FUNCTION(path_unlink_file, "iii:i")
WASI_FUNCTION(poll_oneoff, "iiii:i")
WASI_FUNCTION(proc_exit, "i:")
WASI_FUNCTION(proc_raise, "i:i")
WASI_FUNCTION(sched_yield, ":i")
WASI_FUNCTION(random_get, "ii:i")
WASI_FUNCTION(sock_recv, "iiiiii:i")
WASI_FUNCTION(sock_send, "iiiii:i")
WASI_FUNCTION(sock_shutdown, "ii:i")
#ifndef WASI_SNAPSHOT_0
WASI_FUNCTION(sock_accept, "iii:i")
#endif

#ifdef WASI_FUNCTION_UNDEF
#undef WASI_FUNCTION
#undef WASI_FUNCTION_UNDEF
#endif
