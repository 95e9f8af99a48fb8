/** Observations about a failure of this machine, or of one reached through a shell. */
export interface MachineFacts {
  /** The file, folder or volume concerned, as text: `/home/me/x`, `the volume of /r (0 B free)`. */
  where?: string;
  /** Only the path, for commands in remedies. */
  path?: string;
  /** The program that ended or did not start. */
  program?: string;
  /** A missing library or version as reported: `GLIBC_2.28`, `libssl.so.3`. */
  missing?: string;
  /** The signal that ended it. */
  signal?: string;
}
