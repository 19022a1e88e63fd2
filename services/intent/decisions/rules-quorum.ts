// Large payments are decided by several Rules nodes: one goes on only when enough of them give the same answer.
//
// Nodes may differ for a moment while a version is published: then those that are behind are asked once more, by the newest
// version that any of them knows. Two answers are the same when digest and content are: a node that changes a fee and
// keeps the digest agrees with nobody. Without agreement nothing is done.
import { isDeepStrictEqual } from 'node:util'
import { type Counter } from 'prom-client'
import { type Call } from '../../runtime/call.js'
import { type Logger } from '../../runtime/logger.js'
import { type Decision } from './decision.js'
import { type DecideOutcome, type Question, type RulesAnswer, type RulesNode } from './rules-client.js'

export interface QuorumPolicy {
  /** How many nodes have to agree: more than half of all, so that never two answers have enough. */
  readonly size: number
  /** The smallest amount that needs it, in minor units of the asset; undefined: no payment of the asset does. */
  readonly leastMinor: (assetCode: string) => bigint | undefined
}

export interface QuorumDeps {
  /** The node that decides small payments, and all the others. */
  readonly nodes: readonly RulesNode[]
  readonly policy: QuorumPolicy
  readonly outcomes: Counter<'outcome'>
  readonly log: Logger
}

type Asks = Pick<Call, 'signal'>
type Vote = { readonly node: RulesNode; readonly answer: RulesAnswer }

/** One node made of several. It asks the first that answers what it wants, and the others about the facts with that. */
export function createQuorum(deps: QuorumDeps): RulesNode {
  const { nodes, policy } = deps
  return {
    ask: async (call, question) => {
      const { assetCode, amountMinor } = question.facts.order
      const leastMinor = policy.leastMinor(assetCode)
      const isLarge = leastMinor !== undefined && amountMinor >= leastMinor
      const first = await firstAnswer(isLarge ? nodes : nodes.slice(0, 1), call, question)
      if (!isLarge || first.answer.kind !== 'decided') return first.answer
      return await confirmed(deps, call, question, first)
    },
    close: () => {
      for (const node of nodes) node.close()
    },
  }
}

/** The answer of the first node that can be reached; of the last when none can. */
async function firstAnswer(nodes: readonly RulesNode[], call: Asks, question: Question): Promise<Vote> {
  const [node, ...others] = nodes
  if (node === undefined) throw new Error('a quorum has nodes')
  const answer = await node.ask(call, question)
  if (answer.kind !== 'unavailable' || others.length === 0) return { node, answer }
  return await firstAnswer(others, call, question)
}

async function confirmed(deps: QuorumDeps, call: Asks, question: Question, first: Vote): Promise<DecideOutcome> {
  const { nodes, policy } = deps
  const ask = (node: RulesNode, ruleSetVersion: bigint) =>
    voteOf(node, call, { ...question, offered: [], ruleSetVersion })
  const others = nodes.filter((node) => node !== first.node)
  const voting = [Promise.resolve(first), ...others.map((node) => ask(node, 0n))]
  const votes = await enough(voting, policy.size)
  const agreed = agreedOn(votes, policy.size)
  if (agreed !== undefined) {
    // Those that are slower are not waited for, but what they say is looked at.
    void Promise.all(voting).then((all) => {
      report(deps, all, agreed)
    })
    return { kind: 'decided', decision: agreed }
  }
  const newest = newestOf(votes)
  const again = votes.map((vote) => (isBehind(vote, newest) ? ask(vote.node, newest) : Promise.resolve(vote)))
  const last = await Promise.all(again)
  const decision = agreedOn(last, policy.size)
  report(deps, last, decision)
  if (decision !== undefined) return { kind: 'decided', decision }
  const most = Math.max(...last.map(({ answer }) => supportersOf(last, answer)))
  const cause = `the Rules nodes do not agree: ${most} of ${nodes.length} do, and ${policy.size} have to`
  return { kind: 'unavailable', cause }
}

/** What a node says; whatever keeps it from saying anything is no vote. */
async function voteOf(node: RulesNode, call: Asks, question: Question): Promise<Vote> {
  try {
    return { node, answer: await node.ask(call, question) }
  } catch (error) {
    return { node, answer: { kind: 'unavailable', cause: error instanceof Error ? error.message : String(error) } }
  }
}

/** The votes so far, as soon as enough of them agree; all when they do not. */
function enough(voting: readonly Promise<Vote>[], size: number): Promise<readonly Vote[]> {
  return new Promise((resolve, reject) => {
    const votes: Vote[] = []
    for (const vote of voting) {
      void vote.then((cast) => {
        votes.push(cast)
        if (votes.length === voting.length || agreedOn(votes, size) !== undefined) resolve([...votes])
      }, reject)
    }
  })
}

function agreedOn(votes: readonly Vote[], size: number): Decision | undefined {
  const found = votes.find(({ answer }) => supportersOf(votes, answer) >= size)?.answer
  return found?.kind === 'decided' ? found.decision : undefined
}

function supportersOf(votes: readonly Vote[], answer: RulesAnswer): number {
  return votes.filter((other) => isSame(answer, other.answer)).length
}

function isSame(left: RulesAnswer, right: RulesAnswer): boolean {
  if (left.kind !== 'decided' || right.kind !== 'decided') return false
  return isDeepStrictEqual(comparable(left.decision), comparable(right.decision))
}

/** Without the sentence for people, which releases may word differently. */
function comparable({ digest, ruleSetVersion, verdict }: Decision): unknown {
  const said = verdict.kind === 'refused' ? { ...verdict, failure: verdict.failure.reason } : verdict
  return { digest: Buffer.from(digest).toString('hex'), ruleSetVersion, said }
}

function newestOf(votes: readonly Vote[]): bigint {
  return votes.map(versionOf).reduce((newest, version) => (version > newest ? version : newest), 0n)
}

function isBehind(vote: Vote, newest: bigint): boolean {
  return vote.answer.kind === 'decided' && versionOf(vote) < newest
}

function versionOf({ answer }: Vote): bigint {
  return answer.kind === 'decided' ? answer.decision.ruleSetVersion : 0n
}

/** Counts what became of a vote, and says which nodes are of another opinion. One that is away or behind has none. */
function report({ nodes, outcomes, log }: QuorumDeps, votes: readonly Vote[], agreed: Decision | undefined): void {
  const outcome =
    agreed === undefined ? 'disagreed' : votes.some((vote) => dissents(vote, agreed)) ? 'outvoted' : 'agreed'
  outcomes.inc({ outcome })
  if (outcome === 'agreed') return
  const said = votes.map(({ node, answer }) => {
    if (answer.kind !== 'decided') return { node: nodes.indexOf(node), kind: answer.kind }
    const { digest, ruleSetVersion } = answer.decision
    const hex = Buffer.from(digest).toString('hex')
    return { node: nodes.indexOf(node), kind: answer.kind, ruleSetVersion: String(ruleSetVersion), digest: hex }
  })
  log.error({ outcome, said }, 'the Rules nodes do not agree about a payment')
}

function dissents(vote: Vote, agreed: Decision): boolean {
  if (vote.answer.kind !== 'decided' || isBehind(vote, agreed.ruleSetVersion)) return false
  return !isSame(vote.answer, { kind: 'decided', decision: agreed })
}
