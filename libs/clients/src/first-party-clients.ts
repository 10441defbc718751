import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type ClientCallback, type GatehouseConfig } from '@app/config';
import { redirectUriMatches, type Delivery } from '@app/oauth2';

/** A client of our own house, known by its callback (D7 a); several callbacks may share one `clientId`. */
export type FirstPartyClient = ClientCallback;

/** The clients that the configuration names. They are public: they have no secret. */
@Injectable()
export class FirstPartyClients {
  private readonly byClientId = new Map<string, FirstPartyClient>();
  private readonly callbacks: readonly FirstPartyClient[];
  private readonly own: string;

  constructor(@Inject(GATEHOUSE_CONFIG) config: GatehouseConfig) {
    this.callbacks = config.clientCallbacks;
    this.own = config.publicUrl;
    for (const client of config.clientCallbacks)
      if (!this.byClientId.has(client.clientId)) this.byClientId.set(client.clientId, client);
  }

  /** The client of this id, with the first of its callbacks. */
  find(clientId: string): FirstPartyClient | undefined {
    return this.byClientId.get(clientId);
  }

  /**
   * Says whether sessions of this client are served: a configured one, or ourselves, under whose name somebody signs in
   * who names no client and gets the tokens as JSON (D8).
   */
  isServed(clientId: string): boolean {
    return clientId === this.own || this.byClientId.has(clientId);
  }

  /**
   * The client whose callback this is: equal character for character, any port for loopback literals in the code flow
   * (D7, R18).
   * @param clientId where given, only this client's callbacks count.
   */
  matchCallback(candidate: string, delivery: Delivery, clientId?: string): FirstPartyClient | undefined {
    let loopback: FirstPartyClient | undefined;
    for (const client of this.callbacks) {
      if (clientId !== undefined && client.clientId !== clientId) continue;
      if (client.url === candidate) return client;
      if (loopback === undefined && redirectUriMatches(candidate, client.url, delivery)) loopback = client;
    }
    return loopback;
  }
}
