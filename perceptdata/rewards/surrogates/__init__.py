"""Surrogates: rewards that stand in for perception where nobody knows the scene.

| surrogate     | asks                                                                   | needs                     |
|---------------|------------------------------------------------------------------------|---------------------------|
| `facts`       | does the description state what a certified caption states             | captions                  |
| `utility`     | can a model answer questions about the image from the description      | an endpoint, questions    |
| `second_pass` | can a model answer the example's own question from the description     | an endpoint               |
| `consensus`   | do the rollouts of one example describe the same                       | a group of rollouts       |
| `solver`      | does an exact solver reach the known answer from the described scene   | a synthetic family        |
| `render`      | does the described scene, drawn, look like the image                   | a family that can draw it |
| `wellformed`  | is this a description at all: the control that the others must beat    | nothing                   |

`described` and `asking` are what they share: taking the description out, and asking an endpoint. Whether one of them
is worth anything on your task is measured, not promised: `perceptdata rewards probe`.
"""
