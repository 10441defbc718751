import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '@app/config';
import { hashOpaqueToken, isOpaqueToken, mintOpaqueToken, mintUserCode } from '@app/oauth2';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';

/** What a device asks a person for. */
export interface DeviceRequest {
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** What the tokens are for beside this server (RFC 8707). */
  readonly resource: string | undefined;
  /** The device's own address, for the audit (RFC 8628 §5.4). */
  readonly remoteAddress: string;
}

/** What the device is told (RFC 8628 §3.2); times in seconds. */
export interface BegunDevice {
  readonly deviceCode: string;
  /** As it is stored, without a dash. */
  readonly userCode: string;
  readonly expiresIn: number;
  readonly interval: number;
}

/** A device whose question nobody has answered. */
export interface AskingDevice extends DeviceRequest {
  /** The hash of its device code. */
  readonly id: string;
  readonly userCode: string;
}

export type DeviceAnswer = { readonly kind: 'denied' } | { readonly kind: 'allowed'; readonly sessionId: string };

/** What a poll finds. Nothing is used up by it: `allowed` is, by {@link DeviceAuthorizations.redeem}. */
export type DevicePoll =
  | { readonly kind: 'pending' | 'denied' | 'expired' }
  /** `interval`: the seconds that it must leave between polls from now on. */
  | { readonly kind: 'too-fast'; readonly interval: number }
  | { readonly kind: 'refused'; readonly reason: string }
  | AllowedDevice;

export interface AllowedDevice extends DeviceRequest {
  readonly kind: 'allowed';
  readonly id: string;
  readonly sessionId: string;
}

interface StoredDevice extends DeviceRequest {
  readonly userCode: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const LIFETIME_SECONDS = 600;
const LIFETIME_MS = LIFETIME_SECONDS * 1000;
/** As long after its end a code is still known to be expired rather than wrong (RFC 8628 §3.5). */
const REMEMBERED_MS = 600_000;
const INTERVAL_SECONDS = 5;
/** RFC 8628 §3.5: `slow_down` adds so much, for this and all subsequent polls. */
const SLOWER_SECONDS = 5;
/** A poll may have been faster on its way than the one before. */
const LEEWAY_MS = 1000;
/** Two of 20^8 are the same now and then; so many times in a row only by a broken source. */
const ATTEMPTS = 5;

/**
 * Devices that wait for a person (RFC 8628), in the transient store as authorization codes are: a device code of 256
 * random bits, stored by its hash, and a user code, which is too short for a hash to hide it. A question is answered once
 * and its tokens are given out once, whatever instances are asked (R22); what the store has lost can only be refused
 * (docs/decisions/0021).
 */
@Injectable()
export class DeviceAuthorizations {
  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws StoreUnavailable, as everything here */
  async begin(request: DeviceRequest): Promise<BegunDevice> {
    const deviceCode = mintOpaqueToken('dc');
    const id = idOf(deviceCode);
    const userCode = await this.reserveUserCode(id);
    const stored: StoredDevice = { ...request, userCode, expiresAt: this.now() + LIFETIME_MS };
    await this.store.set(requestKey(id), JSON.stringify(stored), LIFETIME_MS + REMEMBERED_MS);
    return { deviceCode, userCode, expiresIn: LIFETIME_SECONDS, interval: INTERVAL_SECONDS };
  }

  /** The device that shows this code, while it waits. @param userCode as `readUserCode` answers it */
  async find(userCode: string): Promise<AskingDevice | undefined> {
    return this.asking(await this.store.get(userCodeKey(userCode)));
  }

  /** The same for whoever answers it now: nobody else can from then on. */
  async claim(userCode: string): Promise<AskingDevice | undefined> {
    return this.asking(await this.store.take(userCodeKey(userCode)));
  }

  /** What the device learns at its next poll; for whoever holds the claim. */
  async answer(id: string, answer: DeviceAnswer): Promise<void> {
    await this.store.set(answerKey(id), JSON.stringify(answer), LIFETIME_MS + REMEMBERED_MS);
  }

  /** One poll of a client that is known by now (RFC 8628 §3.4, §3.5). The pace counts only while nothing is answered. */
  async poll(deviceCode: string, clientId: string): Promise<DevicePoll> {
    if (!isOpaqueToken(deviceCode, 'dc')) return refused('the code is not one of ours');
    const id = idOf(deviceCode);
    const [text, answered, slowed] = await Promise.all([
      this.store.get(requestKey(id)),
      this.store.get(answerKey(id)),
      this.store.get(slowedKey(id)),
    ]);
    if (text === undefined) return refused('the code is unknown, used, or expired long ago');
    const { expiresAt, userCode: _shown, ...request } = JSON.parse(text) as StoredDevice;
    if (request.clientId !== clientId) return refused('the code was issued to another client');
    const answer = answered === undefined ? undefined : (JSON.parse(answered) as DeviceAnswer);
    if (answer?.kind === 'denied') return answer;
    if (expiresAt <= this.now()) return { kind: 'expired' };
    return answer === undefined ? this.pace(id, Number(slowed ?? 0)) : { ...answer, ...request, id };
  }

  /** Uses the code up: of any number of concurrent polls one is answered true (R22). */
  async redeem({ id }: AllowedDevice): Promise<boolean> {
    // The answer stays: a poll that has seen the request already must find it answered.
    return (await this.store.take(requestKey(id))) !== undefined;
  }

  /**
   * Each `slow_down` opens a window of its own, longer than the one before: the count alone decides which of them is in
   * force, so that polls at several instances cannot shorten it.
   */
  private async pace(id: string, slowed: number): Promise<DevicePoll> {
    if (await this.store.setIfAbsent(windowKey(id, slowed), '1', windowMs(slowed))) return { kind: 'pending' };
    const { count } = await this.store.increment(slowedKey(id), LIFETIME_MS + REMEMBERED_MS);
    await this.store.setIfAbsent(windowKey(id, count), '1', windowMs(count));
    return { kind: 'too-fast', interval: intervalAfter(count) };
  }

  private async reserveUserCode(id: string): Promise<string> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const userCode = mintUserCode();
      if (await this.store.setIfAbsent(userCodeKey(userCode), id, LIFETIME_MS)) return userCode;
    }
    throw new Error('no user code is free');
  }

  private async asking(id: string | undefined): Promise<AskingDevice | undefined> {
    const text = id === undefined ? undefined : await this.store.get(requestKey(id));
    if (id === undefined || text === undefined) return undefined;
    const { expiresAt, ...device } = JSON.parse(text) as StoredDevice;
    return expiresAt <= this.now() ? undefined : { id, ...device };
  }

  private now(): number {
    return this.clock().getTime();
  }
}

function intervalAfter(slowed: number): number {
  return INTERVAL_SECONDS + slowed * SLOWER_SECONDS;
}

function windowMs(slowed: number): number {
  return intervalAfter(slowed) * 1000 - LEEWAY_MS;
}

/** Whoever reads the store cannot poll with what he finds. */
function idOf(deviceCode: string): string {
  return hashOpaqueToken(deviceCode).toString('base64url');
}

function userCodeKey(userCode: string): string {
  return `device-user-code:${userCode}`;
}

function requestKey(id: string): string {
  return `device:${id}`;
}

function answerKey(id: string): string {
  return `device-answer:${id}`;
}

function slowedKey(id: string): string {
  return `device-slowed:${id}`;
}

function windowKey(id: string, slowed: number): string {
  return `device-window:${id}:${slowed}`;
}

function refused(reason: string): DevicePoll {
  return { kind: 'refused', reason };
}
