import { Global, Logger, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource, TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { dataSourceOptions, openDataSource, type ConnectionSettings } from './data-source.js';
import { Database } from './database.js';
import { DatabaseServer } from './database-server.js';
import { runMigrations } from './migration-runner.js';

const log = new Logger('Database');
const CONNECTION = Symbol('ConnectionSettings');

/** Opens Postgres and brings its schema up to date, before anything asks for a connection. */
@Module({
  providers: [
    {
      provide: DatabaseServer,
      inject: [GATEHOUSE_CONFIG],
      useFactory: (config: GatehouseConfig) => DatabaseServer.open(config, log),
    },
    {
      provide: CONNECTION,
      inject: [GATEHOUSE_CONFIG, DatabaseServer],
      useFactory: async (config: GatehouseConfig, server: DatabaseServer): Promise<ConnectionSettings> => {
        try {
          for (const name of await runMigrations(server.url)) log.log(`Migration ${name} has run`);
        } catch (error) {
          await server.close();
          throw error;
        }
        return { url: server.url, poolSize: config.databasePoolSize, warn: (message) => log.warn(message) };
      },
    },
  ],
  exports: [DatabaseServer, CONNECTION],
})
class DatabaseServerModule {}

/** The one connection to Postgres, for the whole application. Needs the configuration module beside it. */
@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly server: DatabaseServer,
  ) {}

  static forRoot(): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        DatabaseServerModule,
        TypeOrmModule.forRootAsync({
          imports: [DatabaseServerModule],
          inject: [CONNECTION],
          useFactory: (connection: ConnectionSettings) => ({
            ...dataSourceOptions(connection),
            // What starts us decides about trying again; the module's own retries hide the reason for half a minute.
            toRetry: () => false,
          }),
          dataSourceFactory: (options) => openDataSource(options as Extract<DataSourceOptions, { type: 'postgres' }>),
        }),
      ],
      providers: [Database],
      exports: [Database],
    };
  }

  /** Closes the connections before the server that they lead to. */
  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    await this.server.close();
  }
}
