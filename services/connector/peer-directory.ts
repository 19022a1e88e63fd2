import { type Peer, tokenSha256 } from './peer.js'
import type { PeerTokens } from './store.js'

/** Where peers are read from. */
export interface PeerSource {
  revision(): Promise<bigint>
  peerTokens(): Promise<PeerTokens>
}

/** All peers in memory, so that signing a packet in costs no I/O. Swapped whole when peers change. */
export class PeerDirectory {
  readonly #source: PeerSource
  #peersByTokenHash: ReadonlyMap<string, Peer> = new Map()
  #revision = -1n

  constructor(source: PeerSource) {
    this.#source = source
  }

  /**
   * The peer that may sign in with a token. Hashes are looked up, not compared byte by byte with the token: how long that
   * takes tells of the hash of what was sent and nothing of a token that would be right.
   */
  findByToken(token: string): Peer | undefined {
    return this.#peersByTokenHash.get(tokenSha256(token).toString('base64'))
  }

  /** Brings the directory up to the database; one small read when nothing changed. */
  async refresh(): Promise<void> {
    if ((await this.#source.revision()) === this.#revision) return
    const { revision, tokens } = await this.#source.peerTokens()
    this.#peersByTokenHash = new Map(tokens.map(({ tokenSha256: hash, peer }) => [hash.toString('base64'), peer]))
    this.#revision = revision
  }
}
