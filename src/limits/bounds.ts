/** Largest limit: counts are kept in 32 bits, and no count of calls is ever above its limit. */
export const MAX_COUNT = 2 ** 32 - 1;

/** Longest window, about 46 days: times within a window and one sub-bucket are kept in 32 bits. */
export const MAX_WINDOW_MS = 4_000_000_000;

/** Most windows of one counter and most counters of one call, as the contract says. */
export const MAX_WINDOWS = 8;
export const MAX_COUNTERS = 64;
