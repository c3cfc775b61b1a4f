import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';

/**
 * Holds a directory for one process. SQLite's file lock is the kernel's own: it ends with the
 * process however the process ends, is never stale, and is seen across containers that share the
 * volume. A file with a process id in it is none of these.
 */
export class DirectoryLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @throws when the directory is held by another process or cannot be written. */
  static acquire(directory: string): DirectoryLock {
    const database = new DatabaseSync(join(directory, 'journal.lock'), { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      throw new Error(`${directory} is in use by another process, or cannot be locked`, {
        cause: error,
      });
    }
    return new DirectoryLock(database);
  }

  release(): void {
    this.#database.close();
  }
}
