"""The loss as the paper has it, for tests of its gradient."""

from loopstab.models.network.choices import EncoderGradient
from loopstab.models.training.loss import Objective


def progressive_loss(
    model, task, batch, loops, generator, encoder_gradient=EncoderGradient.PUBLISHED, advance=None
):
    """The loss of the output after n + k iterations, which are drawn with the generator."""
    objective = Objective(loops, encoder_gradient=encoder_gradient)
    return objective(model, task, batch, *objective.draw(generator), advance=advance)
