import type { ConfigSource } from '../decision/ports.ts';
import type { Snapshot } from '../decision/snapshot.ts';
import type { Clock } from '../lib/clock.ts';
import type { EnvironmentDefaults } from './environment-defaults.ts';
import { loadConfiguration, loadPacked, type Load, type LoadedSnapshot } from './load.ts';
import { ConfigurationError, type Problem } from './problem.ts';
import { decodeText, lookAt, readBytes, type Look } from './read-file.ts';
import { readApart } from './reading-thread.ts';
import { betweenTurns } from './steps.ts';

/**
 * A change is taken up after two looks that agree: within half a second, and never half-written.
 */
const POLL_MS = 200;
/**
 * A file that is different at every look for 3 s is refused loudly instead of waited for in
 * silence.
 */
const MAX_RESTLESS_LOOKS = 15;
/**
 * Reading less than this takes some 20 ms; starting a thread for it would take ten times as long.
 */
const MAX_READ_HERE_BYTES = 32_768;
const RESTLESS = `the file does not stop changing; it is taken up when it stays the same for ${POLL_MS} ms`;

export interface FileSourceOptions {
  readonly path: string;
  readonly environmentDefaults: EnvironmentDefaults;
  readonly clock: Clock;
  /** Told of every revision that comes into force, the first included. Must not throw. */
  readonly onLoad: (snapshot: Snapshot, warnings: readonly Problem[]) => void;
  /** Told of every change that is refused. Must not throw. */
  readonly onRefusal: (error: ConfigurationError) => void;
}

/**
 * Serves the configuration in a file and takes up its changes: rewritten in place, renamed over, or
 * behind a link that is moved, as Kubernetes does with a ConfigMap. What cannot be used is refused
 * and the last good one stays.
 * @throws ConfigurationError when the file cannot be used now: there is nothing to fall back to.
 */
export async function openFileSource(options: FileSourceOptions): Promise<ConfigSource> {
  const look = await lookAt(options.path);
  const { bytes, load } = await contentOf(options, look);
  if (load.kind === 'refused') throw new ConfigurationError(load.problems);
  const source = new FileSource(options, look, { bytes, load });
  source.watch();
  return source;
}

interface Content<T extends Load = Load> {
  readonly bytes: Uint8Array;
  readonly load: T;
}

/** What is known while there are decisions to be made. */
interface Running {
  readonly inForce: Content<LoadedSnapshot>;
  readonly signal: AbortSignal;
}

/**
 * Reads and compiles what a look has seen; what is in force already is answered as it is. A large
 * file is read and compiled beside the decisions; the first one here, because there are none yet.
 * @throws once the signal is aborted.
 */
async function contentOf(
  { path, environmentDefaults, clock }: FileSourceOptions,
  look: Look,
  running?: Running,
): Promise<Content> {
  if (look.problem) return unreadable(look.problem);
  const file = await readBytes(path);
  if (file.kind === 'unreadable') return unreadable(file.problem);
  const { bytes } = file;
  if (running && Buffer.compare(bytes, running.inForce.bytes) === 0) return running.inForce;

  const { changedAtMs } = look;
  const nowMs = clock.nowMs();
  const previous = running?.inForce.load;
  const options = { file: path, environmentDefaults, changedAtMs, nowMs, previous };
  if (running && bytes.length > MAX_READ_HERE_BYTES) {
    const order = { bytes, file: path, environmentDefaults, nowMs };
    const reading = await readApart(order, running.signal);
    return { bytes, load: await betweenTurns(loadPacked(reading, options), running.signal) };
  }
  const decoded = decodeText(bytes, path);
  if (decoded.kind === 'unreadable') return unreadable(decoded.problem);
  return { bytes, load: loadConfiguration(decoded.text, options) };
}

function unreadable(problem: Problem): Content {
  return { bytes: new Uint8Array(), load: { kind: 'refused', problems: [problem] } };
}

/** Once they are told, memory holds nothing but what decides. */
function withoutWarnings({ bytes, load }: Content<LoadedSnapshot>): Content<LoadedSnapshot> {
  const { kind, snapshot, writtenRevision } = load;
  return { bytes, load: { kind, snapshot, writtenRevision, warnings: [] } };
}

class FileSource implements ConfigSource {
  readonly #options: FileSourceOptions;
  #inForce: Content<LoadedSnapshot>;
  #refusal = '';
  /** Of the file that was last taken up or refused. */
  #judged: string;
  /** Of a file that is different and may still be being written. */
  #unsettled = '';
  #restlessLooks = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(options: FileSourceOptions, look: Look, inForce: Content<LoadedSnapshot>) {
    this.#options = options;
    this.#judged = look.signature;
    this.#inForce = withoutWarnings(inForce);
    options.onLoad(inForce.load.snapshot, inForce.load.warnings);
  }

  current(): Snapshot {
    return this.#inForce.load.snapshot;
  }

  refusal(): string {
    return this.#refusal;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** Looks again and again until closed; does not keep the process alive. */
  watch(): void {
    if (this.#closing.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
        .catch((error: unknown) => {
          if (this.#closing.signal.aborted) return;
          this.#judged = this.#unsettled;
          this.#refuse([this.#problem(`the file could not be taken up: ${String(error)}`)]);
        })
        .then(() => {
          this.watch();
        });
    }, POLL_MS).unref();
  }

  async #look(): Promise<void> {
    const look = await lookAt(this.#options.path);
    if (look.signature === this.#judged) {
      this.#settled(look);
    } else if (look.signature !== this.#unsettled) {
      this.#unsettled = look.signature;
      this.#restlessLooks += 1;
      if (this.#restlessLooks === MAX_RESTLESS_LOOKS) this.#refuse([this.#problem(RESTLESS)]);
    } else {
      const { signal } = this.#closing;
      const content = await contentOf(this.#options, look, { inForce: this.#inForce, signal });
      const after = await lookAt(this.#options.path);
      if (after.signature !== look.signature || signal.aborted) return;
      this.#settled(look);
      this.#take(content);
    }
  }

  #settled(look: Look): void {
    this.#judged = look.signature;
    this.#unsettled = '';
    this.#restlessLooks = 0;
  }

  #take({ bytes, load }: Content): void {
    if (load.kind === 'refused') {
      this.#refuse(load.problems);
      return;
    }
    this.#refusal = '';
    if (load === this.#inForce.load) return;
    this.#inForce = withoutWarnings({ bytes, load });
    this.#options.onLoad(load.snapshot, load.warnings);
  }

  #refuse(problems: readonly Problem[]): void {
    const error = new ConfigurationError(problems);
    this.#refusal = error.message;
    this.#options.onRefusal(error);
  }

  #problem(message: string): Problem {
    return { file: this.#options.path, line: 1, column: 1, field: '', message };
  }
}
