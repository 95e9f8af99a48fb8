/** What was seen of a failure of this machine, or of one that is reached through a shell. */
export interface MachineFacts {
  /** The file, the folder or the volume that it is about, as text: `/home/me/x`, `the volume of /r (0 B free)`. */
  where?: string;
  /** The path alone, where a command can act on it. */
  path?: string;
  /** What ended or did not start. */
  program?: string;
  /** What a program said that it lacks: `GLIBC_2.28`, `libssl.so.3`. */
  missing?: string;
  /** What ended it. */
  signal?: string;
}
