/** An older loss is known to others, and was told. */
const NEW_MS = 60_000;

/** What this process knows of the counts on one slot. */
interface Known {
  readonly epoch: string;
  /** On this process's own clock; undefined while nothing was lost. */
  readonly lostAtMs: number | undefined;
  usedAtMs: number;
}

/** Slots that nobody called for so long are forgotten; the epochs in Redis live much longer. */
const FORGET_AFTER_MS = 24 * 60 * 60 * 1000;
/** Tenants at a time on a cluster; on one server there is one slot. */
const MAX_SLOTS = 10_000;

/**
 * Notices that counts were lost: by a flush, a restart without a dump, a failover to an empty
 * server. Each slot has an epoch (lua/epoch.lua); one that has gone, or was replaced by one that
 * tells of a loss, means that windows count less than they should until they have passed.
 */
export class Epochs {
  /** In the order of their use. */
  readonly #known = new Map<string, Known>();
  readonly #nowMs: () => number;
  readonly #onLoss: (slot: string) => void;

  /** @param nowMs a clock that never goes backwards; only differences count. */
  constructor(nowMs: () => number, onLoss: (slot: string) => void) {
    this.#nowMs = nowMs;
    this.#onLoss = onLoss;
  }

  /** '' when none is known. */
  epochOf(slot: string): string {
    const known = this.#known.get(slot);
    if (known === undefined) return '';
    const nowMs = this.#nowMs();
    this.#known.delete(slot);
    if (nowMs - known.usedAtMs >= FORGET_AFTER_MS) return '';
    known.usedAtMs = nowMs;
    this.#known.set(slot, known);
    return known.epoch;
  }

  /** The slots that were used last, at most so many. */
  latest(most: number): readonly string[] {
    return [...this.#known.keys()].slice(-most);
  }

  /**
   * @param serverMs the server's time, by which the epoch tells when counts were lost.
   * @returns whether counts were lost before the eyes of this process, or of another.
   */
  learn(slot: string, epoch: string, serverMs: number): boolean {
    const before = this.#known.get(slot)?.epoch;
    if (before === epoch) return false;
    const nowMs = this.#nowMs();
    const [, lostAt = '0'] = epoch.split('|');
    const lostAtServerMs = Number(lostAt);
    const lost = lostAtServerMs > 0;
    const lostAtMs = lost ? nowMs - Math.max(0, serverMs - lostAtServerMs) : undefined;
    this.#known.delete(slot);
    this.#known.set(slot, { epoch, lostAtMs, usedAtMs: nowMs });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_SLOTS) break;
      this.#known.delete(oldest);
    }
    if (lostAtMs !== undefined && nowMs - lostAtMs < NEW_MS) this.#onLoss(slot);
    return lost;
  }

  /** How long ago counts of a slot were lost; Infinity when they are whole. */
  sinceLossMs(slot: string): number {
    const lostAtMs = this.#known.get(slot)?.lostAtMs;
    return lostAtMs === undefined ? Infinity : this.#nowMs() - lostAtMs;
  }
}
