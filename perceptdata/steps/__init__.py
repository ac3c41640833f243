"""Steps: one module a step, its options and its work. The recipe runner, the command line and Python all use these.

A step writes shards (`build`, `tag`); an output reads a view or the whole workspace and leaves files (`export`,
`report`).
"""

STEPS = {
    "blindfold": "perceptdata.steps.blindfold:Blindfold",
    "build": "perceptdata.steps.build:Build",
    "caption": "perceptdata.steps.caption:Caption",
    "certify": "perceptdata.steps.certify:Certify",
    "consensus": "perceptdata.steps.consensus:Consensus",
    "corrupt": "perceptdata.steps.corrupt:Corrupt",
    "decontaminate": "perceptdata.steps.decontaminate:Decontaminate",
    "dedup": "perceptdata.steps.dedup:Dedup",
    "dependency": "perceptdata.steps.dependency:Dependency",
    "diagnose": "perceptdata.steps.diagnose:Diagnose",
    "difficulty": "perceptdata.steps.difficulty:Difficulty",
    "generate": "perceptdata.steps.generate:Generate",
    "judge": "perceptdata.steps.judge:Judging",
    "probe": "perceptdata.steps.probe:Probe",
    "score": "perceptdata.steps.score:Score",
    "sift": "perceptdata.steps.sift:Sift",
    "split": "perceptdata.steps.split:Split",
    "tag": "perceptdata.steps.tag:Tag",
}

OUTPUTS = {
    "export": "perceptdata.steps.export:Export",
    "publish": "perceptdata.steps.publish:Publish",
    "report": "perceptdata.steps.report:Report",
    "tally": "perceptdata.steps.tally:Tally",
    "train": "perceptdata.steps.train:Train",
}
