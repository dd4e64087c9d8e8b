"""Derivatives that no line could be printed from: of matrices, windows, and what the compiler alone makes.

`ȳ` is the cotangent of the value. Sources: M. Giles, "Collected matrix derivative results" (2008); N. Higham,
*Functions of Matrices* (2008); Abramowitz & Stegun (1964).
"""

from __future__ import annotations

from typing import Final

# By primitive: what its cotangent gives to each operand.
WRITTEN: Final[dict[str, str]] = {
    "arctan2": "∂a = b / (a² + b²); ∂b = −a / (a² + b²)",
    "erfcx": "2·x·y − 2 / √π",
    "rgamma": "−digamma(x)·y",
    "sinc_derivative": "sinc_derivative(x, n + 1)",
    "bessel_i": "x̄ = (I₍n−1₎(x) + I₍n+1₎(x)) / 2·ȳ",
    "prod": "x̄ = ȳ·the product of the others",
    "cumprod": "x̄ᵢ = Σ over j ≥ i of ȳⱼ·the product of the others up to j",
    "zeta_order": "∂a = zeta_order(a, b, c + 1); ∂b = −a·zeta(a + 1, b), differentiated c times by a",
    "gamma_moment": "∂a = gamma_moment(a, b, c + 1) − digamma(a)·y; ∂b = log(b / a)^c·the density at b",
    "hyp1f1": "∂c = (a / b)·hyp1f1(a + 1, b + 1, c); ∂a and ∂b are sums of series",
    "hyp2f1": "∂d = (a·b / c)·hyp2f1(a + 1, b + 1, c + 1, d); ∂a, ∂b and ∂c are sums of series",
    "confluent": "one order more in the operand's digit of d", "gauss": "one order more in the operand's digit of e",
    "min": "x̄ = ȳ where x is least, shared among ties",
    "std": "x̄ = ȳ·(x − mean(x)) / ((n − c)·y), 0 where y is",
    "softmax_cross_entropy": "x̄ = ȳ·(softmax(x) − [class = label])",
    "copy": "x̄ = ȳ", "within": "none", "known_labels": "none", "written_labels": "none", "holomorphic": "x̄ = ȳ",
    "real": "x̄ = ȳ", "imag": "x̄ = −i·ȳ", "conj": "x̄ = conj(ȳ)",
    "tril": "x̄ = tril(ȳ, k)", "triu": "x̄ = triu(ȳ, k)",
    "pick": "x̄ = ȳ in its place, 0 in the others", "unstack": "x̄ = stack(ȳ₁, …)",
    "setitem": "x̄ = ȳ, 0 at the index; v̄ = ȳ[index]", "add_into": "x̄ = ȳ[index]",
    "rows": "x̄ = add_rows(ȳ, i)", "add_rows": "x̄ = ȳ[i]",
    "gather": "x̄ = scatter(ȳ)", "scatter": "x̄ = gather(ȳ)",
    "windows": "x̄ = add_windows(ȳ)", "add_windows": "x̄ = windows(ȳ)",
    "convolution": "ā = convolution_input(ȳ, b); b̄ = convolution_weight(a, ȳ)",
    "convolution_input": "ā = convolution(ȳ, b); b̄ = convolution_weight(ȳ, a)",
    "convolution_weight": "ā = convolution_input(b, ȳ); b̄ = convolution(a, ȳ)",
    "correlate": "of the compiler's: it is made when derivatives are done",
    "correlate_weight": "of the compiler's: it is made when derivatives are done",
    "inv": "x̄ = −yᵀ ȳ yᵀ",
    "solve": "b̄ = a⁻ᵀ ȳ; ā = −b̄ yᵀ",
    "solve_triangular": "b̄ = a⁻ᵀ ȳ; ā = −b̄ yᵀ, in the triangle that is read",
    "solve_banded": "b̄ = a⁻ᵀ ȳ; ā = −b̄ yᵀ, in the band",
    "solve_sylvester": "c̄ solves aᵀ c̄ + c̄ bᵀ = ȳ; ā = −c̄ yᵀ; b̄ = −yᵀ c̄",
    "pinv": "ẏ = −y ẋ y + y yᵀ ẋᵀ (1 − x y) + (1 − y x) ẋᵀ yᵀ y, transposed",
    "lstsq": "ẏ = a⁺(ḃ − ȧ y) + a⁺ a⁺ᵀ ȧᵀ (b − a y) + (1 − a⁺a) ȧᵀ a⁺ᵀ y, transposed",
    "cholesky": "x̄ = the symmetric part of y⁻ᵀ Φ(yᵀ ȳ) y⁻¹, with Φ the lower triangle and half of the diagonal",
    "cholesky_cotangent": "ȳ into p = Φ(lᵀ c) + Φ(lᵀ c)ᵀ by y⁻¹ from both sides, from there into l and c",
    "qr": "x̄ = (q̄ + q·sym(r r̄ᵀ − q̄ᵀ q)) r⁻ᵀ, with sym the lower triangle mirrored",
    "lu_factor": "x̄ = pᵀ l⁻ᵀ (strict lower of lᵀ l̄ + upper of ū uᵀ) u⁻ᵀ",
    "slogdet": "x̄ = ȳ·x⁻ᵀ, of the logarithm", "det": "x̄ = ȳ·cofactors(x)",
    "cofactors": "by the singular values, of which products of all but two others remain",
    "eigh": "x̄ = v (diag(λ̄) + F ∘ vᵀ v̄) vᵀ, with Fᵢⱼ = 1 / (λⱼ − λᵢ), and 0 of equal ones",
    "svd": "x̄ = u (diag(s̄) + (F ∘ uᵀū)·s + s·(F ∘ vᵀv̄)) vᵀ and what leaves the spans, with Fᵢⱼ = 1 / (sⱼ² − sᵢ²)",
    "expm": "the Fréchet derivative at xᵀ: the corner of exp of [[xᵀ, ȳ], [0, xᵀ]]",
    "logm": "the Fréchet derivative at xᵀ, the inverse of that of expm",
    "sqrtm": "x̄ solves yᵀ x̄ + x̄ yᵀ = ȳ",
    "loop": "that of its body, in reverse",
    "random": "none: its numbers are constants", "probability": "none",
}  # fmt: skip
