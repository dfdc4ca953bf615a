"""`export`: a folder that predicts without the training code."""
