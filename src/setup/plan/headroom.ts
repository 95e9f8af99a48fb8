/** Space that must stay free on the volume of an installation. */
export const DISK_HEADROOM_BYTES = 50_000_000;
