"""Kaggle "Digit Recognizer": handwritten digits, the MNIST images."""
