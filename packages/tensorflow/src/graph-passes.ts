/**
 * Set where a graph is to get few passes before its first run. tfjs-node says nothing of a session's options, and
 * TensorFlow reads none of these from the environment: the native module does, as it is compiled here.
 */
export const fewPassesSetting = 'BATON_FEW_GRAPH_PASSES'

/** Numbers of the fields of tensorflow/core/protobuf/rewriter_config.proto. */
const passes = {
  layout: 1,
  constantFolding: 3,
  arithmetic: 7,
  dependencies: 8,
  loops: 9,
  functions: 10,
  implementation: 22,
  commonSubgraphs: 24,
} as const
const off = 2
const memory = { field: 4, none: 1 } as const
const iterations = { field: 12, one: 1 } as const
/** `graph_options` of a ConfigProto, and `rewrite_options` of that. */
const rewriteOptions = [10, 10] as const

/**
 * A ConfigProto that leaves of TensorFlow's rewriting of graphs what changes something on a CPU: removing what nobody
 * asks for, and joining operations to fused ones, once.
 *
 * Left alone TensorFlow goes over every graph twice with a dozen passes. A training step of ResNet-50 with AdamW has
 * thousands of nodes, of which all of them together change 90: they take longer than the step does, and no step is quicker for
 * it. Predictions are: their convolutions are joined with what follows them.
 *
 * For a CPU: on a GPU the order of dimensions matters, and all of the passes that come with changing it.
 */
function fewPasses(): Uint8Array {
  const own = [
    ...Object.values(passes).map((field) => integer(field, off)),
    integer(memory.field, memory.none),
    integer(iterations.field, iterations.one),
  ].flat()
  return Uint8Array.from(rewriteOptions.reduceRight<number[]>((body, field) => message(field, body), own))
}

/** In protobuf's wire format. All lengths and values here are below 128. */
const integer = (field: number, value: number): number[] => [...varint(field << 3), value]
const message = (field: number, body: readonly number[]): number[] => [
  ...varint((field << 3) | 2),
  body.length,
  ...body,
]

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]
}

/** Included before tfjs-node's own C++: where that asks for a session's options, it gets these. */
export const sessionOptionsHeader = `
#include <cstdlib>
#include "tensorflow/c/c_api.h"

static TF_SessionOptions *BatonSessionOptions() {
  static const unsigned char few_passes[] = {${[...fewPasses()].join(', ')}};
  TF_SessionOptions *options = TF_NewSessionOptions();
  if (std::getenv("${fewPassesSetting}") == nullptr) return options;
  // A TensorFlow that does not understand them goes on without.
  TF_Status *status = TF_NewStatus();
  TF_SetConfig(options, few_passes, sizeof(few_passes), status);
  TF_DeleteStatus(status);
  return options;
}
#define TF_NewSessionOptions BatonSessionOptions
`
