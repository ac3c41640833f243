"""Label Studio as a place to review: its server lives elsewhere, its SDK is imported when it is first spoken to.

from perceptdata.review.label_studio.backend import LabelStudio
"""
