"""Direct loss estimation of a regression: errors as a function of the inputs."""
