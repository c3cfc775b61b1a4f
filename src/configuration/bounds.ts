/**
 * Most of everything that one configuration may contain. A file past one of these is a mistake or
 * an attack; the numbers leave room for a thousand times what a large organization writes by hand.
 */

/** Reading and checking this much takes a few seconds, on a thread beside the decisions. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Nodes after aliases are followed, so that a small file cannot unfold into a large one. */
export const MAX_NODES = 200_000;
/** The deepest field of a file is 8 levels down; the parameters of obligations may go further. */
export const MAX_DEPTH = 32;
/**
 * Nobody mends more than this in one sitting; a file of another kind has a problem in every line.
 */
export const MAX_PROBLEMS = 1000;

/** Entries of one section. */
export const MAX_ENTRIES = 10_000;
/** The stores pack a counter's windows into one value; see CounterSpec. */
export const MAX_WINDOWS = 8;
/** Conditions of a policy, and obligations. */
export const MAX_CONDITIONS = 32;
export const MAX_LIST_LENGTH = 1000;
export const MAX_ALERTS = 16;
/** One round trip to a store carries at most this many counters, and at most as many accounts. */
export const MAX_RULES_PER_CALL = 64;

export const MAX_TEXT_LENGTH = 256;
/** Large enough for any traffic, small enough that a window's sums stay exact in Lua's numbers. */
export const MAX_WINDOW_LIMIT = 400_000_000;
/** What the windows' stores can keep: 46 days and some. */
export const MAX_WINDOW_MS = 46 * 24 * 60 * 60 * 1000;
/** Times the largest limit it is still a count that the windows' stores can keep (32 bits). */
export const MAX_BURST_MULTIPLIER = 10;
export const MAX_COMPLEXITY_FACTOR = 1000;
/** Tokens or calls; below 2^53, so that it survives JSON. */
export const MAX_AMOUNT = 1_000_000_000_000_000;
export const MAX_PRIORITY = 1000;
/** Alerts past 100 % make sense for soft budgets and for overruns. */
export const MAX_ALERT_PER_MILLE = 10_000;
export const FULL_PER_MILLE = 1000;

/** Shares of a cap that raise an alert unless a budget says otherwise (requirement R11). */
export const ALERTS_PER_MILLE: readonly number[] = [500, 750, 800, 900, 950, 1000];
