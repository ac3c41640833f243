"""Verification: how far captions can be trusted, from judges whose errors are measured and people whose errors are too.

    made = calibrate(verdict, truth, kinds, image, slices, binding)      # what a judge is worth against people
    plan = make_plan(target=0.95, people=2, hours=16)                    # what an audit can prove, before it begins
    proof = prove(Audit(...))                                            # the bound that carries the readers' errors
    outcome = issue(Evidence(...))                                       # a Certificate, or a Refusal with reasons

Pure functions over arrays: verdict codes, image and slice of each claim. No workspace, no endpoint. Before the arrays
stand the texts: `claims`, `decomposition`, and in `asking` the captioners and judges that ask a model.
"""

from perceptdata.verification.audit import Audit, Proof, prove
from perceptdata.verification.bounds import Errors, captions_lower, carried_lower, precision
from perceptdata.verification.calibration import Binding, Calibration, calibrate
from perceptdata.verification.certificate import Certificate, Evidence, Fingerprints, Refusal, issue, verify
from perceptdata.verification.panel import (
    Estimate,
    accepted,
    dawid_skene,
    majority,
    prediction_powered,
    rogan_gladen,
    weighted_logit,
)
from perceptdata.verification.plan import Plan, make_plan, required_audits
from perceptdata.verification.probes import PERTURBATIONS, Perturbed, ProbeReport, probe_report
from perceptdata.verification.sample import Strata, add_disputed, allocate, assign, pick, stratify
from perceptdata.verification.simulate import Outcome, Setting, simulate
from perceptdata.verification.surrogate import Comparison, compare
from perceptdata.verification.verdicts import VERDICTS, decode, encode

__all__ = [
    "PERTURBATIONS",
    "VERDICTS",
    "Audit",
    "Binding",
    "Calibration",
    "Certificate",
    "Comparison",
    "Errors",
    "Estimate",
    "Evidence",
    "Fingerprints",
    "Outcome",
    "Perturbed",
    "Plan",
    "ProbeReport",
    "Proof",
    "Refusal",
    "Setting",
    "Strata",
    "accepted",
    "add_disputed",
    "allocate",
    "assign",
    "calibrate",
    "captions_lower",
    "carried_lower",
    "compare",
    "dawid_skene",
    "decode",
    "encode",
    "issue",
    "majority",
    "make_plan",
    "pick",
    "precision",
    "prediction_powered",
    "probe_report",
    "prove",
    "required_audits",
    "rogan_gladen",
    "simulate",
    "stratify",
    "verify",
    "weighted_logit",
]
