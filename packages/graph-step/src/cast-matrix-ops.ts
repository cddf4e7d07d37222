import type { GraphBuilder } from './builder.ts'
import type { ComputeDtype } from './program.ts'
import { attrValue, dataType } from './proto.ts'

/**
 * Where most of a network's arithmetic is, with the places of the inputs that are maps or filters; the others are shapes.
 * Depthwise convolutions are not among them: in bfloat16 they are slower on a CPU than in float32.
 */
const MATRIX_OPS: Readonly<Record<string, readonly number[]>> = {
  Conv2D: [0, 1],
  Conv2DBackpropInput: [1, 2],
  Conv2DBackpropFilter: [0, 2],
  MatMul: [0, 1],
  BatchMatMulV2: [0, 1],
}

const float32 = attrValue.type(dataType.float32)

/**
 * A graph in which convolutions, their gradients and matrix products of float32 compute in `dtype`: what they take is
 * cast to it, each value once, and what they give is cast back, so whoever adds a node still gets float32. All else
 * stays as it is: variables, normalisation, losses, optimizers.
 *
 * A product that takes another one's result as it is takes it uncast: float32 holds every value of both types, so
 * casting there and back would change none.
 *
 * @see Micikevicius et al.: Mixed Precision Training, section 3, https://arxiv.org/abs/1710.03740
 */
export function castMatrixOps(graph: GraphBuilder, dtype: ComputeDtype): GraphBuilder {
  if (dtype === 'float32') return graph
  const low = attrValue.type(dataType[dtype])
  const casts = new Map<string, string>()
  const castOf = (ref: string): string => {
    const cast = casts.get(ref) ?? graph.add('Cast', [ref], { SrcT: float32, DstT: low })
    casts.set(ref, cast)
    return cast
  }
  return {
    ...graph,
    add(op, inputs, attributes = {}) {
      const places = MATRIX_OPS[op]
      if (!places || Buffer.compare(attributes.T!, float32) !== 0) return graph.add(op, inputs, attributes)
      const given = inputs.map((ref, i) => (places.includes(i) ? castOf(ref) : ref))
      const product = graph.add(op, given, { ...attributes, T: low })
      const result = graph.add('Cast', [product], { SrcT: low, DstT: float32 })
      casts.set(result, product)
      return result
    },
  }
}
