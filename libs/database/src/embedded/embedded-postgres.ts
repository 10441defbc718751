import { addressOf, makeApplicationDatabase, makeCluster } from './cluster.js';
import { clusterOf, findDataPlace, openSocketFolder, type DataPlace } from './data-place.js';
import { EmbeddedPostgresError, type EmbeddedLog } from './embedded-error.js';
import { canRunFrom } from './operating-user.js';
import { stopOrphan } from './orphan-postmaster.js';
import { copyBinaries, locateBinaries, missingLinks, repairLinks } from './platform-binaries.js';
import { Postmaster } from './postmaster.js';
import { lockFolder } from './server-lock.js';

export interface EmbeddedPostgresOptions {
  /** The data folder; made where it does not exist. */
  readonly dir: string;
  readonly log: EmbeddedLog;
  /** More server parameters, e.g. `{ fsync: 'off' }` in tests. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Holds what must move to where the user that root hands over to can reach it. */
  readonly systemFolder?: string;
}

interface Running {
  readonly url: string;
  readonly postmaster: Postmaster;
  close(): void;
}

/**
 * A Postgres of its own for a development server and for tests, from the binaries of an npm package: on a private unix
 * socket only (no port to clash, no password to keep), as an unprivileged user when we are root.
 */
export class EmbeddedPostgres {
  private starting: Promise<Running> | undefined;

  constructor(private readonly options: EmbeddedPostgresOptions) {}

  /**
   * Starts it, with an empty database the first time.
   *
   * @returns the connection string; the same one when it runs already.
   * @throws EmbeddedPostgresError when it cannot run here or another server uses the folder.
   */
  async start(): Promise<string> {
    this.starting ??= this.launch();
    try {
      return (await this.starting).url;
    } catch (error) {
      this.starting = undefined;
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
      throw new EmbeddedPostgresError(
        `${(error as Error).message}. The data folder ${this.options.dir} must belong to the user who starts the ` +
          'server; give it to that user, choose another GATEHOUSE_DATA_DIR, or set DATABASE_URL.',
        { cause: error },
      );
    }
  }

  /** Ends its sessions and the server, and gives the folder free. May be called at any time; start() works again. */
  async stop(): Promise<void> {
    const started = this.starting;
    this.starting = undefined;
    const running = await started?.catch(() => undefined);
    await running?.postmaster.stop();
    running?.close();
  }

  private async launch(): Promise<Running> {
    const { dir, log, settings = {}, systemFolder = '/var/lib/gatehouse' } = this.options;
    const place = findDataPlace(dir, systemFolder, log);
    const lock = await lockFolder(place.base);
    let undo = () => lock.release();
    try {
      const dataFolder = clusterOf(place.base);
      const binaries = this.findBinaries(place);
      await stopOrphan(dataFolder, log);
      makeCluster(binaries, dataFolder, place.user);
      const socket = openSocketFolder(place);
      undo = () => {
        socket.remove();
        lock.release();
      };
      const postmaster = await Postmaster.start({
        binaries,
        dataFolder,
        socketFolder: socket.path,
        user: place.user,
        settings,
      });
      const running = { url: addressOf(socket.path), postmaster, close: undo };
      try {
        await makeApplicationDatabase(socket.path);
      } catch (error) {
        await postmaster.stop();
        throw error;
      }
      postmaster.onEnd((tail) => this.noticeEnd(running, tail));
      log.log(`Embedded Postgres runs${place.user ? ` as user "${place.user.name}"` : ''}, data in ${dataFolder}`);
      return running;
    } catch (error) {
      undo();
      throw error;
    }
  }

  /** Postgres ended although nobody called stop(): say so, and let start() work again. */
  private noticeEnd(running: Running, tail: string): void {
    void this.starting?.then((current) => {
      if (current !== running) return;
      this.starting = undefined;
      running.close();
      this.options.log.warn(`The embedded Postgres has ended by itself. Its last words:\n${tail}`);
    });
  }

  /** The binaries in the npm package, or a copy where the user cannot reach them or they cannot be repaired. */
  private findBinaries(place: DataPlace): string {
    const { log } = this.options;
    const packaged = locateBinaries();
    const lost = missingLinks(packaged).length;
    const repaired = repairLinks(packaged);
    if (lost > 0 && repaired) log.log(`Made ${lost} library links of Postgres that npm's --ignore-scripts leaves out`);
    if (repaired && canRunFrom(place.user, packaged.folder)) return packaged.folder;
    const folder = place.fallback();
    const copy = folder === undefined ? undefined : copyBinaries(packaged, folder).folder;
    if (copy === undefined || !canRunFrom(place.user, copy)) {
      throw new EmbeddedPostgresError(
        `user "${place.user?.name ?? process.getuid?.()}" cannot run the programs in ${packaged.folder}, and there is ` +
          'no other folder for a copy. Install where that user can read, or set DATABASE_URL.',
      );
    }
    log.log(`Postgres runs from the copy of its programs in ${copy}`);
    return copy;
  }
}
