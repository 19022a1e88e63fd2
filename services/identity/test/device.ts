import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  BeginBindingRequest,
  BeginChallengeRequest,
  type Device,
  DeviceServiceService,
  FinishBindingRequest,
  SendDeviceCodeRequest,
} from '../../../gen/paymesh/identity/v1/device_service.js'
import {
  SessionServiceService,
  StepUpSessionRequest,
  type StepUpSessionResponse,
  type Tokens,
} from '../../../gen/paymesh/identity/v1/session_service.js'
import type { CallAs, TestIdentity } from './harness.js'

type Binding = Parameters<typeof FinishBindingRequest.fromPartial>[0]

/** A verified user who is signed in, and may have a phone. */
export class TestOwner {
  readonly identity: TestIdentity
  readonly email: string
  readonly password: string
  readonly tokens: Tokens

  private constructor(identity: TestIdentity, user: { email: string; password: string }, tokens: Tokens) {
    this.identity = identity
    this.email = user.email
    this.password = user.password
    this.tokens = tokens
  }

  static async create(identity: TestIdentity): Promise<TestOwner> {
    const user = await identity.registerVerified()
    return new TestOwner(identity, user, await identity.signIn(user))
  }

  /** A verified user who registered before. */
  static async of(identity: TestIdentity, user: { email: string; password: string }): Promise<TestOwner> {
    return new TestOwner(identity, user, await identity.signIn(user))
  }

  /** The same user in another session. */
  async elsewhere(): Promise<TestOwner> {
    return new TestOwner(this.identity, this, await this.identity.signIn(this))
  }

  /** As the edge would pass on the user's token. */
  as(level: 'pwd' | 'device' | 'pin' = 'pwd'): CallAs {
    return { claims: { sub: this.tokens.user, sid: this.tokens.session, acr: level } }
  }

  async code(): Promise<string> {
    this.identity.clock.advance(3 * 60 * 60_000)
    const request = SendDeviceCodeRequest.fromPartial({})
    await this.identity.call(DeviceServiceService.sendDeviceCode, request, this.as())
    return await this.identity.codeOf(this.email)
  }

  /** Signs a challenge for binding as the contract says it, and answers the request; `change` goes over it. */
  async binding(phone: KeyPair, change: Binding = {}): Promise<Binding> {
    const begun = await this.identity.call(
      DeviceServiceService.beginBinding,
      BeginBindingRequest.fromPartial({}),
      this.as(),
    )
    const { name, challenge } = begun.challenge!
    const { user, session } = this.tokens
    const lines = ['paymesh.identity.v1.FinishBinding', user, session, Buffer.from(challenge).toString('base64url')]
    const signature = signLines(phone, lines)
    return { challenge: name, displayName: 'My phone', publicKey: spkiOf(phone), signature, ...change }
  }

  async finish(binding: Binding, as = this.as()): Promise<Device> {
    const request = FinishBindingRequest.fromPartial(binding)
    return (await this.identity.call(DeviceServiceService.finishBinding, request, as)).device!
  }

  /** Binds a phone by a code. */
  async bind(phone: KeyPair): Promise<Device> {
    return await this.finish(await this.binding(phone, { code: await this.code() }))
  }

  /** The proof of a device for a step-up; `form` is how the signature is written. */
  async proof(device: string, phone: KeyPair, form: 'ieee-p1363' | 'der' = 'der') {
    const request = BeginChallengeRequest.fromPartial({ name: device })
    const { challenge } = await this.identity.call(DeviceServiceService.beginChallenge, request, this.as())
    const { user, session } = this.tokens
    const text = Buffer.from(challenge!.challenge).toString('base64url')
    const lines = ['paymesh.identity.v1.StepUpSession', user, session, device, text]
    return { challenge: challenge!.name, signature: signLines(phone, lines, form) }
  }

  async stepUp(proof: StepUpProof, as = this.as()): Promise<StepUpSessionResponse> {
    const request = StepUpSessionRequest.fromPartial({
      proof: 'pin' in proof ? { $case: 'pin', pin: proof.pin } : { $case: 'device', device: proof },
    })
    return await this.identity.call(SessionServiceService.stepUpSession, request, as)
  }
}

export type StepUpProof = { pin: string } | { challenge: string; signature: Uint8Array }

export interface KeyPair {
  publicKey: KeyObject
  privateKey: KeyObject
}

export function newPhone(namedCurve = 'P-256'): KeyPair {
  return generateKeyPairSync('ec', { namedCurve })
}

export function spkiOf({ publicKey }: KeyPair): { $case: 'spki'; spki: Buffer } {
  return { $case: 'spki', spki: publicKey.export({ format: 'der', type: 'spki' }) }
}

export function signLines(
  { privateKey }: KeyPair,
  lines: readonly string[],
  dsaEncoding: 'ieee-p1363' | 'der' = 'der',
): Buffer {
  const signature = sign('sha256', Buffer.from(lines.join('\n')), { key: privateKey, dsaEncoding })
  if (dsaEncoding === 'ieee-p1363') assert.equal(signature.length, 64)
  return signature
}
