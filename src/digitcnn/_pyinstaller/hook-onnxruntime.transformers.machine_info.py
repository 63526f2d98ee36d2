"""What ONNX Runtime imports to describe the machine, which no program that reads has use for."""

excludedimports = ["tensorflow", "torch"]
