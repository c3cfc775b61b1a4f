import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..', '..');

export interface SidecarOptions {
  readonly configuration: string;
  readonly databaseUrl: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** `tollgate serve` as a process of its own, on a Unix socket, that can be killed and started again. */
export class SidecarProcess implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'tollgate-sidecar-'));
  readonly #options: SidecarOptions;
  #child: ChildProcess | undefined;

  private constructor(options: SidecarOptions) {
    this.#options = options;
    writeFileSync(this.#path('tollgate.yaml'), options.configuration);
  }

  static async start(options: SidecarOptions): Promise<SidecarProcess> {
    const sidecar = new SidecarProcess(options);
    await sidecar.start();
    return sidecar;
  }

  get address(): string {
    return `unix:${this.#path('sock')}`;
  }

  async start(): Promise<void> {
    rmSync(this.#path('sock'), { force: true });
    const args = ['serve', '--config', this.#path('tollgate.yaml'), '--listen', this.address];
    const child = spawn(process.execPath, [join(root, 'src', 'main.ts'), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        DATABASE_URL: this.#options.databaseUrl,
        TOLLGATE_DATA_DIR: this.#path('data'),
        TOLLGATE_METRICS_LISTEN: 'off',
        TOLLGATE_LOG_LEVEL: 'silent',
        ...this.#options.environment,
      },
    });
    this.#child = child;
    for await (const line of createInterface(child.stderr)) {
      if (line.startsWith('Tollgate serves')) return;
    }
    throw new Error('the sidecar ended before it served');
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** What it holds in memory now. */
  residentMb(): number {
    const status = readFileSync(`/proc/${this.#child?.pid ?? 0}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.directory, name);
  }
}
